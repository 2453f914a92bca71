// Unpacks Chromium into the folder `chromium` here: with WebGL by the processor, and with libraries that a machine may
// lack, which the package has only for one kind of machine.
import {resolve} from 'node:path';

process.env.TMPDIR = resolve('chromium');
process.env.AWS_EXECUTION_ENV = 'AWS_Lambda_nodejs20.x';
const {default: chromium} = await import('@sparticuz/chromium');
console.log(await chromium.executablePath());
