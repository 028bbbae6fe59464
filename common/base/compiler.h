/* What the language lacks. */
#ifndef TALLY_COMMON_BASE_COMPILER_H
#define TALLY_COMMON_BASE_COMPILER_H

#include <stddef.h>

/* The result says whether the call worked: ignoring it is a warning. */
#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(format_index, first_argument) __attribute__((format(printf, format_index, first_argument)))

/* From a pointer to a member to the struct of that type around it. */
#define CONTAINER_OF(pointer, type, member) ((type *)(((char *)(pointer)) - offsetof(type, member)))

#endif
