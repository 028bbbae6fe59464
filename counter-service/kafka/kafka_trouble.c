#include "counter-service/kafka/kafka_trouble.h"

#include <librdkafka/rdkafka.h>

/* "all brokers are down" alone would hide why. */
void kafka_trouble_add(struct kafka_trouble *trouble, int code, const char *reason)
{
    static const char prefix[] = "no broker can be reached: ";
    const struct error before = trouble->sentence;
    const bool had_prefix = trouble->all_brokers_down;
    trouble->all_brokers_down = had_prefix || code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN;
    if (code != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
        error_set(&trouble->sentence, "%s%s", had_prefix ? prefix : "", reason);
    } else if (!had_prefix) {
        error_set(&trouble->sentence, "%s%s", prefix, before.message[0] != '\0' ? before.message : reason);
    }
}

void kafka_trouble_forget(struct kafka_trouble *trouble)
{
    trouble->all_brokers_down = false;
    trouble->sentence.message[0] = '\0';
}
