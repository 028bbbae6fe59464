#include "common/config/config_reload.h"

#include <stdio.h>
#include <string.h>

#include "common/config/config_keys.h"
#include "common/config/config_value.h"
#include "common/log/log.h"
#include "common/log/log_line.h"

enum { NAMES_SIZE = 1024 };

/* Writes the paths of the keys that differ and are not applied, as many as there is room for. Returns how many differ.
 */
static size_t name_changes(const struct config *running, const struct config *fresh, char names[NAMES_SIZE])
{
    size_t count = 0;
    size_t used = 0;
    names[0] = '\0';
    for (size_t i = 0; i < config_key_count; i++) {
        const struct config_key *key = &config_keys[i];
        if (key->applied_at_reload || config_value_equal(running, fresh, key)) {
            continue;
        }
        const size_t left = NAMES_SIZE - used;
        const size_t len = (size_t)snprintf(names + used, left, "%s%s", count == 0 ? "" : " ", key->path);
        used += len < left ? len : left - 1;
        count++;
    }
    return count;
}

/* The line is logged under the old or the new level, whichever lets more through. */
static void apply_level(const struct config *fresh, const char *component)
{
    const enum log_level before = log_level();
    const enum log_level after = fresh->log.level;
    log_set_level(after < before ? after : before);
    log_info(component, "configuration read again", LOG_STR("log_level", log_line_level_name(after)));
    log_set_level(after);
}

void config_reload(const struct config *running, const char *file, const char *component)
{
    struct error error;
    struct config *fresh = config_load(file, &error);
    if (fresh == NULL) {
        log_error(component, "the configuration cannot be read again: nothing is changed",
                  LOG_STR("error", error.message));
        return;
    }
    char names[NAMES_SIZE];
    const size_t count = name_changes(running, fresh, names);
    apply_level(fresh, component);
    if (count > 0) {
        log_warn(component, "changed keys take effect at a restart", LOG_STR("keys", names), LOG_INT("count", count));
    }
    config_free(fresh);
}
