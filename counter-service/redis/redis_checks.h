/* What a Redis must be before Tally entrusts counters to it. Pure functions on what Redis answered. The check functions
 * return 0, or -1 with error filled: a sentence. */
#ifndef TALLY_COUNTER_SERVICE_REDIS_REDIS_CHECKS_H
#define TALLY_COUNTER_SERVICE_REDIS_REDIS_CHECKS_H

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/base/text.h"

/* Foreign text made fit for a sentence: cut, and what is not printable ASCII replaced. */
enum { REDIS_QUOTE_LEN_MAX = 160, REDIS_PARTITIONS_MAX = 1024 };
struct redis_quote {
    char text[REDIS_QUOTE_LEN_MAX + 1];
};
struct redis_quote redis_quote(struct text text);

/* What a Redis does not tell, where an operator hides fields of INFO or refuses commands: a bit each. */
enum redis_untold {
    REDIS_UNTOLD_ROLE = 1,
    REDIS_UNTOLD_VERSION = 2,
    REDIS_UNTOLD_POLICY = 4,
    REDIS_UNTOLD_VIEW = 8,
    REDIS_UNTOLD_NODES = 16,
};
/* The parts of a sentence for such bits: what could not be checked. */
struct redis_untold_text {
    char text[256];
};
struct redis_untold_text redis_untold_write(unsigned untold);

/* The value of `name:value` in INFO's lines; .data NULL if it is not there. */
struct text redis_info_field(struct text info, struct text name);
/* info: what INFO answered. Where the field is hidden, adds the bit to *untold and returns 0. */
int redis_check_version(struct text info, unsigned *untold, struct error *error) MUST_CHECK;
int redis_check_policy(struct text info, unsigned *untold, struct error *error) MUST_CHECK;
/* role: the first element of ROLE's answer. */
int redis_check_role(struct text role, struct error *error) MUST_CHECK;
/* What key tally:meta must hold: the layout of the data and the number of partitions. */
struct redis_meta {
    char text[64];
};
extern const struct text redis_meta_key;
struct redis_meta redis_meta_of(int partitions);
/* found: what tally:meta holds. *ret_partitions: their number. configured: what it must be, or 0. */
int redis_meta_read(struct text found, int configured, int *ret_partitions, struct error *error) MUST_CHECK;
/* What tally:meta, tally:store and the marks of partitions begin with while counter-verify --repartition has the data
 * (repartition_mark.h): the number of partitions to come follows. */
#define REDIS_REPARTITION_START "layout=1 repartition="
/* found: what one of these keys holds. Returns 0; or -1 with error filled if it says that the data are on their way, or
 * elsewhere. */
int redis_check_repartition(struct text found, struct error *error) MUST_CHECK;
/* found: what tally:meta held before; .data NULL if there was none. */
int redis_check_meta(struct text found, const struct redis_meta *expected, struct error *error) MUST_CHECK;

#endif
