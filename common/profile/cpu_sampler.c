#include "common/profile/cpu_sampler.h"

#include <errno.h>
#include <execinfo.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "common/profile/thread_timers.h"

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

/* Handlers of all threads write it, a reader reads it: D. Vyukov's bounded queue (1024cores.net), which never waits. It
 * stays for ever, since a handler may still be at work when the sampler has been stopped, and started again. */
static struct {
    struct slot slots[SLOTS];
    atomic_uint_fast64_t next; /* to be written */
    atomic_uint_fast64_t lost;
    atomic_uint_fast64_t run;
    uint64_t taken; /* the reader's */
    struct thread_timers timers;
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
        if (turn == number) {
            if (atomic_compare_exchange_weak_explicit(&ring->next, &number, number + 1, memory_order_relaxed,
                                                      memory_order_relaxed)) {
                *ret_number = number;
                return slot;
            }
        } else if (turn < number) {
            return NULL;
        } else {
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
    sample->depth = count < CPU_SAMPLER_DEPTH_MAX ? count : CPU_SAMPLER_DEPTH_MAX;
    memcpy(sample->frames, is_whole ? frames + first : &interrupted, sample->depth * sizeof(frames[0]));
}

static void on_signal(int number, siginfo_t *info, void *context)
{
    const int saved_errno = errno;
    uint64_t claimed;
    struct slot *slot = claim(&claimed);
    (void)number;
    if (slot == NULL) {
        atomic_fetch_add_explicit(&ring->lost, 1, memory_order_relaxed);
    } else {
        slot->sample.run = atomic_load_explicit(&ring->run, memory_order_relaxed);
        slot->sample.thread_id = (pid_t)syscall(SYS_gettid);
        slot->sample.count = info->si_code == SI_TIMER ? 1 + info->si_overrun : 1;
        copy_stack(&slot->sample, context);
        atomic_store_explicit(&slot->turn, claimed + 1, memory_order_release);
    }
    errno = saved_errno;
}

static int make_ring(struct error *error)
{
    void *frame;
    if (ring != NULL) {
        return 0;
    }
    ring = calloc(1, sizeof(*ring));
    if (ring == NULL) {
        error_set(error, "out of memory");
        return -1;
    }
    for (uint64_t i = 0; i < SLOTS; i++) {
        atomic_store(&slot_at(i)->turn, i);
    }
    /* At its first call it loads a library, which no handler may do. Later ones take no lock: glibc 2.35 finds a
     * function's table without one (_dl_find_object). */
    (void)backtrace(&frame, 1);
    return 0;
}

static bool take(struct cpu_sample *ret_sample)
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

int cpu_sampler_start(struct error *error)
{
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART};
    struct cpu_sample left;
    sigemptyset(&action.sa_mask);
    if (make_ring(error) != 0) {
        return -1;
    }
    while (take(&left)) {
        /* of the last run */
    }
    atomic_store(&ring->lost, 0);
    atomic_fetch_add(&ring->run, 1);
    if (sigaction(SIGPROF, &action, NULL) != 0) {
        error_set(error, "cannot handle SIGPROF: %s", strerror(errno));
        return -1;
    }
    thread_timers_init(&ring->timers, CPU_SAMPLER_HZ);
    if (thread_timers_follow(&ring->timers) == 0) {
        error_set(error, "no thread can have a timer: %s", strerror(errno));
        cpu_sampler_stop();
        return -1;
    }
    return 0;
}

void cpu_sampler_follow_threads(void)
{
    (void)thread_timers_follow(&ring->timers);
}

bool cpu_sampler_take(struct cpu_sample *ret_sample)
{
    const uint64_t run = atomic_load_explicit(&ring->run, memory_order_relaxed);
    bool found;
    do {
        found = take(ret_sample);
    } while (found && ret_sample->run != run); /* its handler was late */
    return found;
}

uint64_t cpu_sampler_lost(void)
{
    return atomic_load_explicit(&ring->lost, memory_order_relaxed);
}

void cpu_sampler_stop(void)
{
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    thread_timers_done(&ring->timers);
    sigaction(SIGPROF, &ignore, NULL);
}
