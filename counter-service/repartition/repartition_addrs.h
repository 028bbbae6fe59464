/* The addresses of --to: texts parted by commas. */
#ifndef TALLY_COUNTER_SERVICE_REPARTITION_REPARTITION_ADDRS_H
#define TALLY_COUNTER_SERVICE_REPARTITION_REPARTITION_ADDRS_H

#include <stddef.h>

#include "common/base/compiler.h"
#include "common/base/error.h"

enum { REPARTITION_ADDRS_MAX = 64 };

struct repartition_addrs {
    char *text;
    char *all[REPARTITION_ADDRS_MAX]; /* parts of text */
    size_t count;
};

/* Returns 0, or -1 with error filled. */
int repartition_addrs_read(struct repartition_addrs *addrs, const char *text, struct error *error) MUST_CHECK;
void repartition_addrs_done(struct repartition_addrs *addrs);

#endif
