/* A real redis-server for a test: its own port on the loopback, its own directory, ended by its process id. It dies
 * with the test's process. Functions fail the test when something unexpected happens. */
#ifndef TALLY_TESTS_FAKES_REDIS_PROCESS_H
#define TALLY_TESTS_FAKES_REDIS_PROCESS_H

#include <stdbool.h>
#include <stddef.h>

struct redis_process;

/* False if there is no redis-server on this machine; with REQUIRE_ALL=1 that fails the test. */
bool redis_process_available(void);

/* options: further arguments of redis-server, NULL-terminated; NULL for none. Waits until it answers. */
struct redis_process *redis_process_start(const char *const *options);
/* Only the port and the directory, for one that is started later. */
struct redis_process *redis_process_prepare(const char *const *options);
/* A port of the loopback that nobody has, and that no other Redis of this process gets. */
int redis_process_free_port(void);
/* Kills it and removes its directory. NULL is fine. */
void redis_process_end(struct redis_process *redis);

/* SIGKILL, and starting again on the same port and directory. */
void redis_process_kill(struct redis_process *redis);
void redis_process_restart(struct redis_process *redis);
/* SIGSTOP and SIGCONT. */
void redis_process_pause(struct redis_process *redis);
void redis_process_resume(struct redis_process *redis);

/* "127.0.0.1:port". */
const char *redis_process_address(const struct redis_process *redis);

/* Asks it on a connection of its own. The answer as text, valid until the next question: nil is "(nil)", an error
 * begins with '-', an array's elements have a blank between them. */
const char *redis_process_ask(struct redis_process *redis, const char *const *words, size_t word_count);
#define REDIS_ASK(redis, ...) \
    redis_process_ask((redis), (const char *const[]){__VA_ARGS__}, \
                      sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

/* Begins a test whose setup() makes a struct fixture, or leaves *state NULL where there is no redis-server. */
#define NEED_FIXTURE(state) \
    struct fixture *fixture = *(state); \
    if (fixture == NULL) { \
        skip(); \
    }

#endif
