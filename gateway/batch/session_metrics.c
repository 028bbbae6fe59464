#include "gateway/batch/session_metrics.h"

static const struct metric_family opened_family = {
    .name = "tally_sessions_opened_total",
    .help = "Sessions opened with counter-service, one an event loop, and another after each loss.",
    .type = METRIC_COUNTER,
};
static const struct metric_family lost_family = {
    .name = "tally_sessions_lost_total",
    .help = "Sessions that counter-service knew no longer: idle for too long, or the store lost them.",
    .type = METRIC_COUNTER,
};
static const struct metric_family lanes_family = {
    .name = "tally_session_lanes",
    .help = "Lanes of the sessions: with a batch under way (open), left by one that ended unknown (given_up).",
    .type = METRIC_GAUGE,
    .labels = {"state"},
};

void session_metrics_init(struct session_metrics *metrics)
{
    metrics->opened = metrics_register(&opened_family, NULL);
    metrics->lost = metrics_register(&lost_family, NULL);
    metrics->open_lanes = metrics_register(&lanes_family, (const char *const[]){"open"});
    metrics->given_up_lanes = metrics_register(&lanes_family, (const char *const[]){"given_up"});
}

void session_metrics_opened(struct session_metrics *metrics)
{
    metrics_add(metrics->opened, 1);
}

void session_metrics_lost(struct session_metrics *metrics)
{
    metrics_add(metrics->lost, 1);
}

void session_metrics_lanes(struct session_metrics *metrics, int open, int given_up)
{
    if (open != 0) {
        metrics_add(metrics->open_lanes, open);
    }
    if (given_up != 0) {
        metrics_add(metrics->given_up_lanes, given_up);
    }
}
