#include "common/profile/thread_timers.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

/* What pthread_getcpuclockid() gives, for a thread of which only the id is known: see the kernel's posix-timers.h. */
static clockid_t clock_of(pid_t thread_id)
{
    enum { CPUCLOCK_SCHED = 2, CPUCLOCK_PERTHREAD = 4, CPUCLOCK_BITS = 3 };
    return (clockid_t)(~(unsigned)thread_id << CPUCLOCK_BITS | CPUCLOCK_PERTHREAD | CPUCLOCK_SCHED);
}

void thread_timers_init(struct thread_timers *timers, int hz)
{
    timers->interval_ns = 1000L * 1000 * 1000 / hz;
    timers->count = 0;
}

void thread_timers_done(struct thread_timers *timers)
{
    for (size_t i = 0; i < timers->count; i++) {
        timer_delete(timers->timers[i].timer);
    }
    timers->count = 0;
}

static void add(struct thread_timers *timers, pid_t thread_id)
{
    const struct timespec interval = {.tv_nsec = timers->interval_ns};
    const struct itimerspec spec = {.it_interval = interval, .it_value = interval};
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGPROF};
    timer_t timer;
    event.sigev_notify_thread_id = thread_id;
    if (timers->count == THREAD_TIMERS_MAX || timer_create(clock_of(thread_id), &event, &timer) != 0) {
        return; /* or it has ended meanwhile */
    }
    if (timer_settime(timer, 0, &spec, NULL) != 0) {
        timer_delete(timer);
        return;
    }
    timers->timers[timers->count].thread_id = thread_id;
    timers->timers[timers->count].is_there = true;
    timers->timers[timers->count++].timer = timer;
}

static void see(struct thread_timers *timers, pid_t thread_id)
{
    for (size_t i = 0; i < timers->count; i++) {
        if (timers->timers[i].thread_id == thread_id) {
            timers->timers[i].is_there = true;
            return;
        }
    }
    add(timers, thread_id);
}

static void drop_those_gone(struct thread_timers *timers)
{
    size_t kept = 0;
    for (size_t i = 0; i < timers->count; i++) {
        if (timers->timers[i].is_there) {
            timers->timers[kept++] = timers->timers[i];
        } else {
            timer_delete(timers->timers[i].timer);
        }
    }
    timers->count = kept;
}

size_t thread_timers_follow(struct thread_timers *timers)
{
    DIR *directory = opendir("/proc/self/task");
    if (directory == NULL) {
        return 0;
    }
    for (size_t i = 0; i < timers->count; i++) {
        timers->timers[i].is_there = false;
    }
    for (const struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
        const long id = strtol(entry->d_name, NULL, 10);
        if (id > 0) {
            see(timers, (pid_t)id);
        }
    }
    closedir(directory);
    drop_those_gone(timers);
    return timers->count;
}
