/* A sentinel that says what a test wants, on a thread of its own. It knows AUTH, SENTINEL GET-MASTER-ADDR-BY-NAME and
 * SENTINEL MASTER. Functions fail the test when something unexpected happens. */
#ifndef TALLY_TESTS_FAKES_FAKE_SENTINEL_H
#define TALLY_TESTS_FAKES_FAKE_SENTINEL_H

struct fake_sentinel;

/* Knows no master at first. */
struct fake_sentinel *fake_sentinel_start(void);
/* NULL is fine. */
void fake_sentinel_end(struct fake_sentinel *sentinel);

/* "127.0.0.1:port". */
const char *fake_sentinel_address(const struct fake_sentinel *sentinel);
/* address: "host:port" of the master called name; epoch: the text of its config-epoch. */
void fake_sentinel_name(struct fake_sentinel *sentinel, const char *name, const char *address, const char *epoch);
/* Answers only after AUTH with these words ("user password"). */
void fake_sentinel_demand(struct fake_sentinel *sentinel, const char *words);
/* Closes its connections and takes no more, or does again. */
void fake_sentinel_stop(struct fake_sentinel *sentinel);
void fake_sentinel_go_on(struct fake_sentinel *sentinel);
/* How often it was asked for an address. */
unsigned fake_sentinel_asked(struct fake_sentinel *sentinel);

#endif
