/* Names of the functions of this process, of the program's and of its libraries', by address: elfutils' libdw, which
 * reads the files that are mapped, and nothing from elsewhere. Owned by one thread. */
#ifndef TALLY_COMMON_PROFILE_SYMBOLS_H
#define TALLY_COMMON_PROFILE_SYMBOLS_H

#include <stdint.h>

#include "common/base/compiler.h"
#include "common/base/error.h"

struct symbols;

/* The texts are the table's. NULL: not known. */
struct symbol {
    uint64_t start; /* of the function; the address itself if it is not known */
    const char *name;
    const char *file;   /* of the source */
    int line;           /* 0: not known */
    const char *module; /* path of the file that is mapped */
    uint64_t module_start;
    uint64_t module_end;
};

/* Of what is mapped now. Returns NULL with error filled. */
struct symbols *symbols_open(struct error *error) MUST_CHECK;
/* NULL is fine. */
void symbols_close(struct symbols *symbols);
struct symbol symbols_find(struct symbols *symbols, uint64_t address);

#endif
