/* Loaded into a process of a test (LD_PRELOAD): turns its clock and fills its disk while it runs.
 *
 * SHIM_CLOCK names a file of 8 bytes: nanoseconds to add to the time of day, signed.
 * SHIM_DISK names a file whose first byte, when it is '1', lets no regular file grow: ENOSPC.
 * Both are mapped, so a change holds from the next call on. Clocks for waiting stay as they are.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#define SECOND_NS 1000000000LL
#define SINCE_1970_S 1000000000LL /* later than any clock that began with the machine */

static const volatile int64_t *ahead_ns;
static const volatile char *disk;

static const volatile void *mapped(const char *variable) {
    const char *path = getenv(variable);
    if (path == NULL) return NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return NULL;
    void *found = mmap(NULL, 8, PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    return found == MAP_FAILED ? NULL : found;
}

__attribute__((constructor)) static void begin(void) {
    ahead_ns = mapped("SHIM_CLOCK");
    disk = mapped("SHIM_DISK");
}

#define REAL(type, name, ...) \
    static type (*real)(__VA_ARGS__); \
    if (real == NULL) real = (type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

int clock_gettime(clockid_t clock, struct timespec *at) {
    REAL(int, "clock_gettime", clockid_t, struct timespec *);
    int failed = real(clock, at);
    if (failed == 0 && ahead_ns != NULL && *ahead_ns != 0
        && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
        int64_t ns = (int64_t)at->tv_sec * SECOND_NS + at->tv_nsec + *ahead_ns;
        at->tv_sec = ns / SECOND_NS;
        at->tv_nsec = ns % SECOND_NS;
    }
    return failed;
}

int gettimeofday(struct timeval *restrict at, void *restrict zone) {
    (void)zone;
    struct timespec now;
    int failed = clock_gettime(CLOCK_REALTIME, &now);
    at->tv_sec = now.tv_sec;
    at->tv_usec = now.tv_nsec / 1000;
    return failed;
}

time_t time(time_t *into) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (into != NULL) *into = now.tv_sec;
    return now.tv_sec;
}

/* librdkafka takes the time of day, adds, and waits until then by the real clock: turn it back.
 * Waits by the monotonic clock end at far smaller times and stay as they are. */
int pthread_cond_timedwait(pthread_cond_t *restrict changed, pthread_mutex_t *restrict mutex,
                           const struct timespec *restrict until) {
    struct timespec told, now;
    if (until->tv_sec < SINCE_1970_S)
        return pthread_cond_clockwait(changed, mutex, CLOCK_MONOTONIC, until);
    clock_gettime(CLOCK_REALTIME, &told);
    clock_gettime(CLOCK_MONOTONIC, &now);
    int64_t ns = (int64_t)(until->tv_sec - told.tv_sec) * SECOND_NS + until->tv_nsec - told.tv_nsec;
    ns += (int64_t)now.tv_sec * SECOND_NS + now.tv_nsec;
    struct timespec then = {.tv_sec = ns / SECOND_NS, .tv_nsec = ns % SECOND_NS};
    if (ns < 0) then.tv_sec = then.tv_nsec = 0;
    return pthread_cond_clockwait(changed, mutex, CLOCK_MONOTONIC, &then);
}

/* In glibc the same thing under the names of C11. */
int cnd_timedwait(cnd_t *restrict changed, mtx_t *restrict mutex,
                  const struct timespec *restrict until) {
    switch (pthread_cond_timedwait((pthread_cond_t *)changed, (pthread_mutex_t *)mutex, until)) {
        case 0: return thrd_success;
        case ETIMEDOUT: return thrd_timedout;
        default: return thrd_error;
    }
}

static int is_full(int fd, off_t end) {
    struct stat about;
    if (disk == NULL || *disk != '1' || fd <= STDERR_FILENO) return 0;
    return fstat(fd, &about) == 0 && S_ISREG(about.st_mode) && end > about.st_size;
}

static size_t total(const struct iovec *parts, int count) {
    size_t bytes = 0;
    for (int each = 0; each < count; each++) bytes += parts[each].iov_len;
    return bytes;
}

#define REFUSE_WHEN_FULL(fd, end) \
    if (is_full(fd, end)) { errno = ENOSPC; return -1; }

ssize_t pwrite(int fd, const void *from, size_t bytes, off_t at) {
    REAL(ssize_t, "pwrite", int, const void *, size_t, off_t);
    REFUSE_WHEN_FULL(fd, at + (off_t)bytes)
    return real(fd, from, bytes, at);
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t at) {
    REAL(ssize_t, "pwritev", int, const struct iovec *, int, off_t);
    REFUSE_WHEN_FULL(fd, at + (off_t)total(parts, count))
    return real(fd, parts, count, at);
}

ssize_t write(int fd, const void *from, size_t bytes) {
    REAL(ssize_t, "write", int, const void *, size_t);
    if (disk != NULL && *disk == '1') {
        off_t at = lseek(fd, 0, SEEK_CUR);
        if (at >= 0) REFUSE_WHEN_FULL(fd, at + (off_t)bytes)
    }
    return real(fd, from, bytes);
}

int posix_fallocate(int fd, off_t at, off_t bytes) {
    REAL(int, "posix_fallocate", int, off_t, off_t);
    return is_full(fd, at + bytes) ? ENOSPC : real(fd, at, bytes);
}

ssize_t pwrite64(int, const void *, size_t, off_t) __attribute__((alias("pwrite")));
ssize_t pwritev64(int, const struct iovec *, int, off_t) __attribute__((alias("pwritev")));
int posix_fallocate64(int, off_t, off_t) __attribute__((alias("posix_fallocate")));
