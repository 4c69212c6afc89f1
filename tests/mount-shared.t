#!/bin/sh
# mount-shared.t - mount.t where mounts spread, as wherever systemd runs
spread=1
. tests/mount.t
