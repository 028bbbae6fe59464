#include "common/profile/cpu_sampler.h"

#include <errno.h>
#include <execinfo.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <ucontext.h>
#include <unistd.h>

enum {
    /* A power of 2: five seconds of a core, and the reader comes some times a second. */
    SLOTS = 512,
    /* What backtrace() sees before the interrupted function, at most: the handler, and the kernel's way back from it.
     */
    OWN_FRAMES = 4,
};

struct slot {
    /* Its number when it is free for that sample, one more when the sample is in it. */
    atomic_uint_fast64_t turn;
    struct cpu_sample sample;
};

/* Handlers of all threads write it, a reader reads it: D. Vyukov's bounded queue (1024cores.net), which never waits. */
static struct {
    struct slot slots[SLOTS];
    atomic_uint_fast64_t next; /* to be written */
    atomic_uint_fast64_t lost;
    uint64_t taken; /* the reader's */
} * ring;

static struct slot *slot_at(uint64_t number)
{
    return &ring->slots[number % SLOTS];
}

/* NULL: all are full. */
static struct slot *claim(uint64_t *ret_number)
{
    uint_fast64_t number = atomic_load_explicit(&ring->next, memory_order_relaxed);
    for (;;) {
        struct slot *slot = slot_at(number);
        const uint64_t turn = atomic_load_explicit(&slot->turn, memory_order_acquire);
        if (turn == number && atomic_compare_exchange_weak_explicit(&ring->next, &number, number + 1,
                                                                    memory_order_relaxed, memory_order_relaxed)) {
            *ret_number = number;
            return slot;
        }
        if (turn < number) {
            return NULL;
        }
        if (turn > number) {
            number = atomic_load_explicit(&ring->next, memory_order_relaxed);
        }
    }
}

static void *interrupted_at(const void *context)
{
    const mcontext_t *machine = &((const ucontext_t *)context)->uc_mcontext;
#if defined(__aarch64__)
    return (void *)machine->pc;
#else
    return (void *)machine->gregs[REG_RIP];
#endif
}

static void copy_stack(struct cpu_sample *sample, const void *context)
{
    void *frames[CPU_SAMPLER_DEPTH_MAX + OWN_FRAMES];
    const int found = backtrace(frames, CPU_SAMPLER_DEPTH_MAX + OWN_FRAMES);
    void *interrupted = interrupted_at(context);
    int first = 0;
    while (first < found && first <= OWN_FRAMES && frames[first] != interrupted) {
        first++;
    }
    const bool is_whole = first < found && frames[first] == interrupted;
    const size_t count = is_whole ? (size_t)(found - first) : 1;
    sample->thread_id = (pid_t)syscall(SYS_gettid);
    sample->depth = count < CPU_SAMPLER_DEPTH_MAX ? count : CPU_SAMPLER_DEPTH_MAX;
    memcpy(sample->frames, is_whole ? frames + first : &interrupted, sample->depth * sizeof(frames[0]));
}

static void on_signal(int number, siginfo_t *info, void *context)
{
    const int saved_errno = errno;
    uint64_t claimed;
    struct slot *slot = claim(&claimed);
    (void)number;
    (void)info;
    if (slot == NULL) {
        atomic_fetch_add_explicit(&ring->lost, 1, memory_order_relaxed);
    } else {
        copy_stack(&slot->sample, context);
        atomic_store_explicit(&slot->turn, claimed + 1, memory_order_release);
    }
    errno = saved_errno;
}

static int set_timer(int64_t interval_us)
{
    const struct timeval interval = {.tv_usec = interval_us};
    const struct itimerval timer = {.it_interval = interval, .it_value = interval};
    return setitimer(ITIMER_PROF, &timer, NULL);
}

/* The ring stays for ever: a signal may come a little after the timer has ended. */
static int prepare(struct error *error)
{
    void *frame;
    if (ring == NULL && (ring = calloc(1, sizeof(*ring))) == NULL) {
        error_set(error, "out of memory");
        return -1;
    }
    const uint64_t next = atomic_load(&ring->next);
    for (uint64_t i = 0; i < SLOTS; i++) {
        atomic_store(&slot_at(next + i)->turn, next + i);
    }
    ring->taken = next;
    atomic_store(&ring->lost, 0);
    (void)backtrace(&frame, 1); /* it loads a library at its first call, which no handler may do */
    return 0;
}

int cpu_sampler_start(struct error *error)
{
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART};
    sigemptyset(&action.sa_mask);
    if (prepare(error) != 0) {
        return -1;
    }
    if (sigaction(SIGPROF, &action, NULL) != 0 || set_timer(1000 * 1000 / CPU_SAMPLER_HZ) != 0) {
        error_set(error, "cannot start the timer: %s", strerror(errno));
        return -1;
    }
    return 0;
}

bool cpu_sampler_take(struct cpu_sample *ret_sample)
{
    struct slot *slot = slot_at(ring->taken);
    if (atomic_load_explicit(&slot->turn, memory_order_acquire) != ring->taken + 1) {
        return false;
    }
    *ret_sample = slot->sample;
    atomic_store_explicit(&slot->turn, ring->taken + SLOTS, memory_order_release);
    ring->taken++;
    return true;
}

uint64_t cpu_sampler_lost(void)
{
    return atomic_load_explicit(&ring->lost, memory_order_relaxed);
}

void cpu_sampler_stop(void)
{
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    set_timer(0);
    sigaction(SIGPROF, &ignore, NULL);
}
