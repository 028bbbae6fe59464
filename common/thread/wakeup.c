#include "common/thread/wakeup.h"

#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

int wakeup_init(struct wakeup *wakeup)
{
    atomic_init(&wakeup->asked, false);
    wakeup->owed = 0;
    wakeup->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    return wakeup->fd < 0 ? -1 : 0;
}

void wakeup_done(struct wakeup *wakeup)
{
    if (wakeup->fd >= 0) {
        close(wakeup->fd);
    }
}

void wakeup_signal(struct wakeup *wakeup)
{
    if (atomic_exchange_explicit(&wakeup->asked, true, memory_order_acq_rel)) {
        return;
    }
    const uint64_t one = 1;
    ssize_t ignored = write(wakeup->fd, &one, sizeof(one)); /* cannot fail: the counter is far from its maximum */
    (void)ignored;
}

bool wakeup_take(struct wakeup *wakeup)
{
    if (!atomic_load_explicit(&wakeup->asked, memory_order_acquire) && wakeup->owed == 0) {
        return false;
    }
    /* First the read, then the exchange: a wake between the two is taken here, and a wake after both writes again. */
    uint64_t written;
    if (read(wakeup->fd, &written, sizeof(written)) == (ssize_t)sizeof(written)) {
        wakeup->owed -= (int64_t)written;
    }
    const bool taken = atomic_exchange_explicit(&wakeup->asked, false, memory_order_acq_rel);
    wakeup->owed += taken;
    return taken;
}
