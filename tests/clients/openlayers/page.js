// Opens each store of `asked.json` as a user of OpenLayers would, and posts what is seen of it to `answer`.
import WebGLTileLayer from 'ol/layer/WebGLTile.js';
import Map from 'ol/Map.js';
import GeoZarr from 'ol/source/GeoZarr.js';
import View from 'ol/View.js';

const SIDE_PX = 512; // of the map; even, so that pixels of a level are pixels of the screen

async function main() {
  const answers = {};
  const asked = await (await fetch('asked.json')).json();
  for (const [kind, each] of Object.entries(asked)) {
    try {
      answers[kind] = await read(each);
    } catch (error) {
      answers[kind] = {refused: String(error)};
    }
  }
  return answers;
}

/** `pixels` are [row, column] of a level, all within half a map of its middle. */
async function read({url, pixels}) {
  const source = new GeoZarr({url, variable: 'class', resample: 'nearest', transition: 0});
  await ready(source);
  const grid = source.tileGrid;
  const levels = grid.getMatrixIds();
  const colors = await colorsOf(url);
  const seen = {};
  for (const [level, places] of Object.entries(pixels)) {
    seen[level] = await seenAt(source, levels.indexOf(level), places, colors);
  }
  return {
    crs: source.getProjection().getCode(),
    extent: grid.getExtent(),
    levels,
    resolutions: levels.map((_, z) => grid.getResolution(z)),
    colors,
    seen,
  };
}

function ready(source) {
  return new Promise((resolve, reject) => {
    const look = () => {
      if (source.getState() === 'ready') {
        resolve();
      } else if (source.getState() === 'error') {
        reject(source.error_); // there is no other way to the reason
      }
    };
    source.on('change', look);
    look();
  });
}

async function colorsOf(url) {
  const said = await (await fetch(`${url}/0/class/zarr.json`)).json();
  return said.attributes.flag_colors.split(' ');
}

/** Return class id (null for no data) and colour of each of the pixels, of one picture of the middle of the level. */
async function seenAt(source, z, pixels, colors) {
  const grid = source.tileGrid;
  const [left, bottom, right, top] = grid.getExtent();
  const resolution = grid.getResolution(z);
  const corner = (size) => Math.round(size / resolution / 2) * resolution;
  // The class's colour, and nothing where there is no data, as band 2 tells.
  const color = ['case', ['==', ['band', 2], 0], [0, 0, 0, 0], ['palette', ['band', 1], colors]];
  const layer = new WebGLTileLayer({source, style: {color}});
  const center = [left + corner(right - left), top - corner(top - bottom)];
  const view = new View({projection: source.getProjection(), center, resolution, constrainResolution: false});
  const map = new Map({target: 'map', layers: [layer], view, controls: [], pixelRatio: 1});
  await new Promise((resolve) => map.once('rendercomplete', resolve));
  const shown = screenOf(map);
  const found = pixels.map(([row, col]) => {
    const at = map.getPixelFromCoordinate([left + (col + 0.5) * resolution, top - (row + 0.5) * resolution]);
    const [class_id, valid] = layer.getData(at);
    return {class: valid ? class_id : null, rgba: shown(at)};
  });
  map.setTarget(undefined);
  return found;
}

/** Return what tells red, green, blue and opacity at a pixel of the screen. */
function screenOf(map) {
  const copy = document.createElement('canvas');
  copy.width = copy.height = SIDE_PX;
  const context = copy.getContext('2d');
  context.drawImage(map.getTargetElement().querySelector('canvas'), 0, 0);
  const {data} = context.getImageData(0, 0, SIDE_PX, SIDE_PX);
  return ([x, y]) => {
    const start = 4 * (Math.floor(y) * SIDE_PX + Math.floor(x));
    return [...data.slice(start, start + 4)];
  };
}

document.body.innerHTML = `<div id="map" style="width: ${SIDE_PX}px; height: ${SIDE_PX}px"></div>`;
main()
  .catch((error) => ({failed: String(error.stack)}))
  .then((answers) => fetch('answer', {method: 'POST', body: JSON.stringify(answers)}));
