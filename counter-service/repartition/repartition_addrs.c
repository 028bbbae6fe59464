#include "counter-service/repartition/repartition_addrs.h"

#include <stdlib.h>
#include <string.h>

int repartition_addrs_read(struct repartition_addrs *addrs, const char *text, struct error *error)
{
    *addrs = (struct repartition_addrs){.text = strdup(text)};
    if (addrs->text == NULL) {
        error_set(error, "out of memory");
        return -1;
    }
    char *rest = addrs->text;
    char *one;
    while ((one = strsep(&rest, ",")) != NULL) {
        if (addrs->count == REPARTITION_ADDRS_MAX) {
            error_set(error, "--to has more than %d addresses", REPARTITION_ADDRS_MAX);
            repartition_addrs_done(addrs);
            return -1;
        }
        addrs->all[addrs->count++] = one;
    }
    return 0;
}

void repartition_addrs_done(struct repartition_addrs *addrs)
{
    free(addrs->text);
    *addrs = (struct repartition_addrs){.count = 0};
}
