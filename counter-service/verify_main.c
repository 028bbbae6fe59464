/* counter-verify: whether the events on Kafka, the counters in Redis and the rankings say the same; and what
 * mends rankings, and changes the number of partitions. */
#include <signal.h>
#include <stdio.h>

#include "common/config/config.h"
#include "common/log/log.h"
#include "counter-service/repair/ranking_rebuild.h"
#include "counter-service/repartition/repartition.h"
#include "counter-service/verify/verify.h"
#include "counter-service/verify_rankings/ranking_verify.h"

static int run_task(const struct config *config, const struct verify_options *options, struct error *error)
{
    switch (options->task) {
    case VERIFY_RANKINGS:
        return ranking_verify_run(config, options, stdout, error);
    case VERIFY_REBUILD_RANKINGS:
        return ranking_rebuild_run(config, options, stdout, error);
    case VERIFY_REPARTITION:
        return repartition_run(config, options, stdout, error);
    default:
        return verify_run(config, options, stdout, error);
    }
}

static int run(const struct verify_options *options)
{
    struct error error = {.message = ""};
    int code = VERIFY_FAILED;
    struct config *config = config_load(options->config_path, &error);
    if (config != NULL) {
        code = run_task(config, options, &error);
    }
    config_free(config);
    if (code == VERIFY_FAILED) {
        fflush(stdout);
        fprintf(stderr, "counter-verify: %s\n", error.message);
    }
    return code;
}

/* What nobody can read is no answer. A line that could not be written leaves its mark in ferror, not in fflush. */
static int finish(int code)
{
    if (fflush(stdout) == 0 && ferror(stdout) == 0) {
        return code;
    }
    fprintf(stderr, "counter-verify: the result cannot be written to stdout\n");
    return VERIFY_FAILED;
}

int main(int argc, char **argv)
{
    struct verify_options options;
    signal(SIGPIPE, SIG_IGN);
    log_set_level(LOG_LEVEL_ERROR); /* what fails is told in a sentence; librdkafka's errors say more of why */
    const int code = verify_options_parse(argc, argv, stdout, stderr, &options);
    return finish(code == VERIFY_RUN ? run(&options) : code);
}
