/* C11's threads by POSIX's, for ThreadSanitizer: gcc 12's does not know thrd_create, with which librdkafka starts its
 * threads, and a thread that it has not seen start crashes at its first allocation. Linked into what is built with
 * PROFILE=tsan only. glibc's thrd_t is a pthread_t. */
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <threads.h>

struct start {
    thrd_start_t run;
    void *arg;
};

static void *run(void *arg)
{
    const struct start start = *(struct start *)arg;
    free(arg);
    return (void *)(intptr_t)start.run(start.arg);
}

/* NOLINTBEGIN(readability-inconsistent-declaration-parameter-name): glibc's are reserved names. */
int thrd_create(thrd_t *ret_thread, thrd_start_t function, void *arg)
{
    struct start *start = malloc(sizeof(*start));
    if (start == NULL) {
        return thrd_nomem;
    }
    *start = (struct start){function, arg};
    if (pthread_create(ret_thread, NULL, run, start) != 0) {
        free(start);
        return thrd_error;
    }
    return thrd_success;
}

int thrd_join(thrd_t thread, int *ret_result)
{
    void *result;
    if (pthread_join(thread, &result) != 0) {
        return thrd_error;
    }
    if (ret_result != NULL) {
        *ret_result = (int)(intptr_t)result;
    }
    return thrd_success;
}

int thrd_detach(thrd_t thread)
{
    return pthread_detach(thread) == 0 ? thrd_success : thrd_error;
}
/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */
