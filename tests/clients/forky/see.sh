#!/bin/sh
# What GDAL 3.13 and QGIS see of mask stores. No wheel and no stable Debian has that GDAL yet, so Debian forky is put
# into a folder, apart from the machine's own system:
#
#   tests/clients/forky/see.sh FOLDER STORE...           GDAL through rasterio
#   QGIS=1 tests/clients/forky/see.sh FOLDER STORE...    QGIS too
#
# It takes root and debootstrap, 0.9 GB (with QGIS 2.5 GB) and some minutes. FOLDER stays, for the next time or to be
# removed. Stores are copied into it.
set -eu
here=$(dirname "$0")
root=$1/root
log=$1/log
shift

mkdir -p "$(dirname "$root")"
if [ ! -e "$root/bin/sh" ]; then
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | head -n 1)
    debootstrap --variant=minbase forky "$root" "$mirror" sid > "$log" 2>&1 || { tail "$log" >&2; exit 1; }
fi

inside() { chroot "$root" env DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 QT_QPA_PLATFORM=offscreen "$@"; }

packages="gdal-bin python3-rasterio"
[ -z "${QGIS:-}" ] || packages="$packages python3-qgis"
# A mirror may be a copy of some weeks ago, whose date apt would refuse.
inside apt-get --option Acquire::Check-Valid-Until=false --quiet update >> "$log" 2>&1
# shellcheck disable=SC2086 # several words
inside apt-get --quiet --yes --no-install-recommends install $packages >> "$log" 2>&1 || { tail "$log" >&2; exit 1; }

rm -rf "$root/stores"
mkdir "$root/stores"
for store in "$@"; do
    cp -r "$store" "$root/stores/$(basename "$(dirname "$store")")" # OUT/scenes/ID/masks.zarr
done
cp "$here"/by_*.py "$root/"
inside gdalinfo --version
inside sh -c 'python3 /by_gdal.py /stores/*'
[ -z "${QGIS:-}" ] || inside sh -c 'python3 /by_qgis.py /stores/*'
