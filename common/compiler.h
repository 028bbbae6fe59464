/* What the compiler can check for us. */
#ifndef TALLY_COMMON_COMPILER_H
#define TALLY_COMMON_COMPILER_H

/* The result says whether the call worked: ignoring it is a warning. */
#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(format_index, first_argument) __attribute__((format(printf, format_index, first_argument)))

#endif
