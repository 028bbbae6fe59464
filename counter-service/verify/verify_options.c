#include "counter-service/verify/verify_options.h"

#include <getopt.h>
#include <stdint.h>

#include "common/base/decimal.h"
#include "common/config/config_units.h"
#include "counter-service/redis/redis_checks.h"

enum { TIMEOUT_DEFAULT_MS = 60 * 1000, TIMEOUT_MAX_MS = 24 * 60 * 60 * 1000, SHARDS_MAX = 1000000 };

enum option_name {
    CONFIG = 1,
    SNAPSHOT,
    WRITE_SNAPSHOT,
    RANKINGS,
    REBUILD_RANKINGS,
    REPARTITION,
    TO,
    DROP_EVENTS,
    SHARD,
    TIMEOUT,
    ALL,
    VERSION,
    HELP
};

static const struct option long_options[] = {
    {"config", required_argument, NULL, CONFIG},
    {"snapshot", required_argument, NULL, SNAPSHOT},
    {"write-snapshot", required_argument, NULL, WRITE_SNAPSHOT},
    {"rankings", no_argument, NULL, RANKINGS},
    {"rebuild-rankings", no_argument, NULL, REBUILD_RANKINGS},
    {"repartition", required_argument, NULL, REPARTITION},
    {"to", required_argument, NULL, TO},
    {"drop-events", no_argument, NULL, DROP_EVENTS},
    {"shard", required_argument, NULL, SHARD},
    {"timeout", required_argument, NULL, TIMEOUT},
    {"all", no_argument, NULL, ALL},
    {"version", no_argument, NULL, VERSION},
    {"help", no_argument, NULL, HELP},
    {NULL, 0, NULL, 0},
};

/* help.txt here, built in by common/base/embed.S. */
extern const char counter_verify_help[];

/* What getopt_long refused, as the user wrote it. */
static void print_refusal(int option, char *const *argv, FILE *err)
{
    if (option == ':') {
        fprintf(err, "counter-verify: %s needs a value (see --help)\n", argv[optind - 1]);
    } else if (optopt > HELP) {
        fprintf(err, "counter-verify: -%c: no such option (see --help)\n", optopt);
    } else {
        fprintf(err, "counter-verify: %s: no such option (see --help)\n", argv[optind - 1]);
    }
}

/* "I/N" */
static bool parse_shard(const char *argument, struct shard *ret_shard)
{
    uint64_t index, count;
    struct text rest = text_of(argument);
    const struct text first = text_cut(&rest, '/');
    if (!decimal_parse_unsigned(first, SHARDS_MAX, &index) || !decimal_parse_unsigned(rest, SHARDS_MAX, &count) ||
        index >= count) {
        return false;
    }
    *ret_shard = (struct shard){(unsigned)index, (unsigned)count};
    return true;
}

static bool parse_partitions(const char *argument, int *ret_partitions)
{
    uint64_t partitions;
    if (!decimal_parse_unsigned(text_of(argument), REDIS_PARTITIONS_MAX, &partitions) || partitions == 0) {
        return false;
    }
    *ret_partitions = (int)partitions;
    return true;
}

static bool parse_timeout(const char *argument, int *ret_timeout_ms)
{
    int64_t timeout_ms;
    if (config_units_parse(CONFIG_UNIT_DURATION, argument, &timeout_ms) != 0 || timeout_ms < 1 ||
        timeout_ms > TIMEOUT_MAX_MS) {
        return false;
    }
    *ret_timeout_ms = (int)timeout_ms;
    return true;
}

static int refuse(const char *option, const char *wanted, FILE *err)
{
    fprintf(err, "counter-verify: %s %s: %s (see --help)\n", option, optarg[0] == '\0' ? "''" : optarg, wanted);
    return VERIFY_FAILED;
}

static int take_word(const char *option, const char *wanted, const char **ret_word, FILE *err)
{
    if (optarg[0] == '\0') {
        return refuse(option, wanted, err);
    }
    *ret_word = optarg;
    return VERIFY_RUN;
}

static int take_file(const char *option, const char **ret_path, FILE *err)
{
    return take_word(option, "the name of a file is wanted", ret_path, err);
}

static int take_task(enum verify_task task, struct verify_options *options, FILE *err)
{
    if (options->task != VERIFY_COUNTERS && options->task != task) {
        fprintf(err, "counter-verify: --rankings, --rebuild-rankings and --repartition are tasks of their own (see "
                     "--help)\n");
        return VERIFY_FAILED;
    }
    options->task = task;
    return VERIFY_RUN;
}

/* Returns VERIFY_RUN, or the code to exit with. */
static int take_option(enum option_name option, struct verify_options *options, FILE *out, FILE *err)
{
    switch (option) {
    case CONFIG:
        return take_file("--config", &options->config_path, err);
    case SNAPSHOT:
        return take_file("--snapshot", &options->snapshot, err);
    case WRITE_SNAPSHOT:
        return take_file("--write-snapshot", &options->write_snapshot, err);
    case RANKINGS:
        return take_task(VERIFY_RANKINGS, options, err);
    case REBUILD_RANKINGS:
        return take_task(VERIFY_REBUILD_RANKINGS, options, err);
    case REPARTITION:
        return parse_partitions(optarg, &options->partitions)
                   ? take_task(VERIFY_REPARTITION, options, err)
                   : refuse("--repartition", "a number from 1 to 1024 is wanted", err);
    case TO:
        return take_word("--to", "an address is wanted", &options->to, err);
    case DROP_EVENTS:
        options->drops_events = true;
        return VERIFY_RUN;
    case SHARD:
        return parse_shard(optarg, &options->shard) ? VERIFY_RUN
                                                    : refuse("--shard", "I/N is wanted, I from 0 and less than N", err);
    case TIMEOUT:
        return parse_timeout(optarg, &options->timeout_ms)
                   ? VERIFY_RUN
                   : refuse("--timeout", "a time from 1ms to 24h is wanted, like 60s", err);
    case ALL:
        options->shows_all = true;
        return VERIFY_RUN;
    case VERSION:
        fprintf(out, "counter-verify %s\n", TALLY_VERSION);
        return VERIFY_EQUAL;
    default:
        fputs(counter_verify_help, out);
        return VERIFY_EQUAL;
    }
}

int verify_options_parse(int argc, char *const *argv, FILE *out, FILE *err, struct verify_options *ret_options)
{
    struct verify_options options = {.shard = {0, 1}, .timeout_ms = TIMEOUT_DEFAULT_MS};
    opterr = 0;
    optind = 0; /* glibc: start afresh */
    int option;
    while ((option = getopt_long(argc, argv, ":", long_options, NULL)) != -1) {
        if (option == '?' || option == ':') {
            print_refusal(option, argv, err);
            return VERIFY_FAILED;
        }
        const int code = take_option((enum option_name)option, &options, out, err);
        if (code != VERIFY_RUN) {
            return code;
        }
    }
    if (optind < argc) {
        fprintf(err, "counter-verify: %s: no arguments are expected (see --help)\n", argv[optind]);
        return VERIFY_FAILED;
    }
    if (options.task != VERIFY_COUNTERS && (options.snapshot != NULL || options.write_snapshot != NULL)) {
        fprintf(err, "counter-verify: a snapshot has no rankings (see --help)\n");
        return VERIFY_FAILED;
    }
    if (options.task != VERIFY_REPARTITION && (options.to != NULL || options.drops_events)) {
        fprintf(err, "counter-verify: --to and --drop-events are for --repartition (see --help)\n");
        return VERIFY_FAILED;
    }
    *ret_options = options;
    return VERIFY_RUN;
}
