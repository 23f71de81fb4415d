#!/usr/bin/env bash
# Becomes the first process of a throw-away machine: the files of this one below an overlay, everything else its own. To be run in
# new namespaces for processes, mounts, names, networks and control groups.
#   boot.sh FOLDER PROGRAMS
set -euo pipefail
folder=$1 programs=$2
mount --make-rprivate /
mount -t tmpfs -o mode=755,size=3g tmpfs "$folder"
mkdir "$folder"/{upper,work,root}
mount -t overlay -o "lowerdir=/,upperdir=$folder/upper,workdir=$folder/work" overlay "$folder/root"
cd "$folder/root"

mkdir -p opt/programs
mount --bind "$programs" opt/programs
mount -o remount,bind,ro opt/programs
# Units of this machine are none of that one's business.
rm -rf etc/systemd/system/* var/log/journal var/lib/strangler* etc/strangler
: > etc/machine-id
# There is no console to log in at.
ln -s /dev/null etc/systemd/system/console-getty.service
echo booted > etc/hostname

# Read-only, so that units which would set up the kernel leave it alone, as in any container.
mount -t proc proc proc
mount --bind proc/sys proc/sys && mount -o remount,bind,ro proc/sys
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs dev
for device in null zero full random urandom tty; do
    touch "dev/$device"
    mount --bind "/dev/$device" "dev/$device"
done
mkdir dev/pts dev/shm
ln -s /proc/self/fd dev/fd
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
mount -t tmpfs tmpfs run
mount -t tmpfs -o mode=1777 tmpfs tmp
mkdir tmp/old
pivot_root . tmp/old
cd /
exec chroot . /bin/bash -c 'umount -l /tmp/old && exec env -i container=booted PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    /lib/systemd/systemd --system --unit=multi-user.target --log-target=journal </dev/null >/dev/null 2>&1'
