/* The command line of counter-verify. Pure, but for what it prints. */
#ifndef TALLY_COUNTER_SERVICE_VERIFY_VERIFY_OPTIONS_H
#define TALLY_COUNTER_SERVICE_VERIFY_VERIFY_OPTIONS_H

#include <stdbool.h>
#include <stdio.h>

#include "common/base/compiler.h"
#include "counter-service/verify/counter_table.h"

enum verify_task { VERIFY_COUNTERS, VERIFY_RANKINGS, VERIFY_REBUILD_RANKINGS, VERIFY_REPARTITION };

/* The texts are the arguments', or static. */
struct verify_options {
    enum verify_task task;
    const char *config_path;    /* NULL: every key has its default */
    const char *snapshot;       /* NULL: from the beginning */
    const char *write_snapshot; /* NULL: none */
    struct shard shard;
    int timeout_ms;
    bool shows_all;
    /* of VERIFY_REPARTITION */
    int partitions;    /* to have */
    const char *to;    /* addresses, parted by commas; NULL: in place */
    bool drops_events; /* that wait in the outbox */
};

enum { VERIFY_RUN = -1, VERIFY_EQUAL = 0, VERIFY_DIFFERENT = 1, VERIFY_FAILED = 2 };

/* Answers go to out, complaints to err. Returns VERIFY_RUN with the options, or the code to exit with. */
int verify_options_parse(int argc, char *const *argv, FILE *out, FILE *err, struct verify_options *ret_options)
    MUST_CHECK;

#endif
