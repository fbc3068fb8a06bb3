/* Faults of a disk, loaded before the C library (LD_PRELOAD) of the process under test. Of all files only the
 * journal's are touched. Which faults are on is told by files in the folder that FLYBALL_FAULTS names:
 *
 *   sync-hangs    a sync does not return while the file is there
 *   sync-slow     every sync takes 30 ms longer
 *   sync-fails    a sync fails with EIO
 *   write-hangs   a write does not return while the file is there
 *   write-fails   a write fails with EROFS, as after a remount
 *   clock-back    the wall clock shows an hour less
 *
 * In the same folder `log` tells what became durable: "w NUMBER OFFSET LENGTH PATH" after a write returned, and
 * "s NUMBER PATH" after a sync did that began when so many writes had returned. What was written later would be gone
 * after a power cut. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

static atomic_ulong writes;

static int on(const char *fault)
{
    char path[PATH_MAX];
    const char *folder = getenv("FLYBALL_FAULTS");
    if (!folder || snprintf(path, sizeof path, "%s/%s", folder, fault) >= (int)sizeof path)
        return 0;
    return access(path, F_OK) == 0;
}

static int is_journal(int fd, char *path)
{
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    if (length < 0)
        return 0;
    path[length] = 0;
    return strstr(path, "/journal/") != NULL;
}

static void tell(const char *line, int length)
{
    char path[PATH_MAX];
    const char *folder = getenv("FLYBALL_FAULTS");
    if (!folder || snprintf(path, sizeof path, "%s/log", folder) >= (int)sizeof path)
        return;
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0)
        return;
    if (write(fd, line, length) != length)
        abort();
    close(fd);
}

static int synced(int fd, int (*sync)(int))
{
    char path[PATH_MAX], line[PATH_MAX + 64];
    if (!is_journal(fd, path))
        return sync(fd);
    while (on("sync-hangs"))
        usleep(10000);
    if (on("sync-fails")) {
        errno = EIO;
        return -1;
    }
    unsigned long begun = atomic_load(&writes);
    if (on("sync-slow"))
        usleep(30000);
    int result = sync(fd);
    if (result == 0)
        tell(line, snprintf(line, sizeof line, "s %lu %s\n", begun, path));
    return result;
}

int fdatasync(int fd)
{
    return synced(fd, (int (*)(int))dlsym(RTLD_NEXT, "fdatasync"));
}

int fsync(int fd)
{
    return synced(fd, (int (*)(int))dlsym(RTLD_NEXT, "fsync"));
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset)
{
    ssize_t (*real)(int, const void *, size_t, off64_t) =
        (ssize_t (*)(int, const void *, size_t, off64_t))dlsym(RTLD_NEXT, "pwrite64");
    char path[PATH_MAX], line[PATH_MAX + 64];
    if (!is_journal(fd, path))
        return real(fd, bytes, length, offset);
    while (on("write-hangs"))
        usleep(10000);
    if (on("write-fails")) {
        errno = EROFS;
        return -1;
    }
    ssize_t written = real(fd, bytes, length, offset);
    if (written > 0) {
        unsigned long number = atomic_fetch_add(&writes, 1);
        tell(line, snprintf(line, sizeof line, "w %lu %lld %zd %s\n", number, (long long)offset, written, path));
    }
    return written;
}

int clock_gettime(clockid_t clock, struct timespec *time)
{
    static int (*real)(clockid_t, struct timespec *);
    if (!real)
        real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(clock, time);
    if (result == 0 && clock == CLOCK_REALTIME && on("clock-back"))
        time->tv_sec -= 3600;
    return result;
}
