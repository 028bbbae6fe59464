/* Preloaded into a program: its clock of the day goes wrong by so many seconds as stand in the file that STEPPED_CLOCK
 * names, an int64_t that may change while the program runs. Monotonic clocks stay right. */
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *step; /* NULL until found: no step */

__attribute__((constructor)) static void map_step(void)
{
    const char *path = getenv("STEPPED_CLOCK");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *map = file < 0 ? MAP_FAILED : mmap(NULL, sizeof *step, PROT_READ, MAP_SHARED, file, 0);
    if (map == MAP_FAILED) {
        abort();
    }
    step = map;
    close(file);
}

/* The parameters have the names that glibc gives them. */
int clock_gettime(clockid_t clock_id, struct timespec *tp)
{
    int failed = (int)syscall(SYS_clock_gettime, clock_id, tp);
    if (!failed && step && (clock_id == CLOCK_REALTIME || clock_id == CLOCK_REALTIME_COARSE)) {
        tp->tv_sec += *step;
    }
    return failed;
}

int gettimeofday(struct timeval *restrict tv, void *restrict tz)
{
    (void)tz;
    struct timespec now;
    int failed = clock_gettime(CLOCK_REALTIME, &now);
    if (!failed) {
        *tv = (struct timeval){.tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000};
    }
    return failed;
}

time_t time(time_t *timer)
{
    struct timespec now;
    time_t seconds = clock_gettime(CLOCK_REALTIME, &now) ? (time_t)-1 : now.tv_sec;
    if (timer) {
        *timer = seconds;
    }
    return seconds;
}
