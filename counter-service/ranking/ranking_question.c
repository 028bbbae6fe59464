#include "counter-service/ranking/ranking_question.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/contract/counter_rules.h"

/* The sentences below say these numbers. */
_Static_assert(RANKING_LIMIT_MAX == 1000 && RANKING_OFFSET_MAX == 100000, "change the sentences too");
_Static_assert(RANKING_NEIGHBOURS_MAX == 100, "change the sentence too");

static enum status refuse(struct error *error, const char *rule)
{
    error_set(error, "%s", rule);
    return STATUS_INVALID_ARGUMENT;
}

/* ---- words of sentences ---- */

/* A caller's text made fit for a sentence: cut, and what is not printable ASCII replaced. */
struct quote {
    char text[24 + sizeof("...")];
};

static struct quote quote_of(struct text text)
{
    enum { LEN_MAX = sizeof(struct quote) - sizeof("...") };
    struct quote quote;
    const size_t len = text.len < LEN_MAX ? text.len : LEN_MAX;
    for (size_t i = 0; i < len; i++) {
        quote.text[i] = text.data[i] >= 0x20 && text.data[i] < 0x7F ? text.data[i] : '?';
    }
    snprintf(quote.text + len, sizeof(quote.text) - len, "%s", text.len > len ? "..." : "");
    return quote;
}

/* "hour, day, 24h"; cut if there are very many. */
struct name_list {
    char text[384];
    size_t len;
};

static void add_name(struct name_list *list, const char *name)
{
    const size_t room = sizeof(list->text) - list->len;
    const size_t len = (size_t)snprintf(list->text + list->len, room, "%s%s", list->len > 0 ? ", " : "", name);
    list->len += len < room ? len : room - 1;
}

static struct name_list types_of(const struct config *config)
{
    struct name_list list = {.len = 0};
    for (size_t i = 0; i < config->ranking_count; i++) {
        add_name(&list, config->rankings[i].counter_type);
    }
    return list;
}

static struct name_list names_of(const struct ranking_window *windows, size_t count)
{
    struct name_list list = {.len = 0};
    for (size_t i = 0; i < count; i++) {
        add_name(&list, windows[i].name);
    }
    return list;
}

/* ---- which ranking ---- */

static enum status set_type(struct ranking_question *question, const struct config *config, struct text counter_type,
                            struct error *error)
{
    const char *rule = counter_rules_counter_type(counter_type);
    if (rule != NULL) {
        return refuse(error, rule);
    }
    for (size_t i = 0; i < config->ranking_count; i++) {
        if (text_equal(counter_type, text_of(config->rankings[i].counter_type))) {
            question->config = &config->rankings[i];
            return STATUS_OK;
        }
    }
    if (config->ranking_count == 0) {
        error_set(error, "no rankings are configured: see the key rankings");
    } else {
        error_set(error, "no ranking of \"%.*s\" is configured: there are %s", (int)counter_type.len, counter_type.data,
                  types_of(config).text);
    }
    return STATUS_NO_SUCH_RANKING;
}

static enum status set_window(struct ranking_question *question, struct text name, struct error *error)
{
    struct ranking_window windows[RANKING_WINDOWS_MAX];
    const size_t count = ranking_windows_of(question->config, windows);
    for (size_t i = 0; i < count; i++) {
        if (text_equal(name, text_of(windows[i].name))) {
            question->window = windows[i];
            return STATUS_OK;
        }
    }
    const struct name_list names = names_of(windows, count);
    if (name.len == 0) {
        error_set(error, "window must be given: one of %s", names.text);
        return STATUS_INVALID_ARGUMENT;
    }
    error_set(error, "window \"%s\" of %s is not configured: there are %s", quote_of(name).text,
              question->config->counter_type, names.text);
    return STATUS_NO_SUCH_RANKING;
}

static enum status set_period(struct ranking_question *question, struct text name, struct error *error)
{
    static const char *const forms[RANKING_CALENDARS] = {
        [RANKING_HOUR] = "2026-11-25T14",
        [RANKING_DAY] = "2026-11-25",
        [RANKING_WEEK] = "2026-W48",
        [RANKING_MONTH] = "2026-11",
    };
    const struct ranking_window *window = &question->window;
    if (name.len == 0) {
        return STATUS_OK;
    }
    if (window->kind != RANKING_KIND_CALENDAR) {
        error_set(error, "period must be empty: the window %s has no periods", window->name);
        return STATUS_INVALID_ARGUMENT;
    }
    if (!ranking_period_parse(window, name, &question->period)) {
        error_set(error, "period must be of the form %s", forms[window->calendar]);
        return STATUS_INVALID_ARGUMENT;
    }
    question->has_period = true;
    return STATUS_OK;
}

enum status ranking_question_begin(struct ranking_question *question, const struct config *config,
                                   struct text counter_type, struct text window, struct text period,
                                   struct error *error)
{
    *question = (struct ranking_question){.config = NULL};
    enum status status = set_type(question, config, counter_type, error);
    if (status == STATUS_OK) {
        status = set_window(question, window, error);
    }
    return status == STATUS_OK ? set_period(question, period, error) : status;
}

/* ---- what of it ---- */

enum status ranking_question_of_best(struct ranking_question *question, uint32_t limit, uint32_t offset,
                                     struct error *error)
{
    if (limit > RANKING_LIMIT_MAX) {
        return refuse(error, "limit must be 1-1000, or 0 for 10");
    }
    if (offset > RANKING_OFFSET_MAX) {
        return refuse(error, "offset must be 0-100000");
    }
    question->limit = limit > 0 ? limit : RANKING_LIMIT_DEFAULT;
    question->offset = offset;
    return STATUS_OK;
}

enum status ranking_question_of_one(struct ranking_question *question, struct text resource_id, uint32_t neighbours,
                                    struct error *error)
{
    const char *rule = counter_rules_resource_id(resource_id);
    if (rule != NULL) {
        return refuse(error, rule);
    }
    if (neighbours > RANKING_NEIGHBOURS_MAX) {
        return refuse(error, "neighbours must be 0-100");
    }
    question->resource_id = resource_id;
    question->neighbours = neighbours;
    return STATUS_OK;
}

/* A counter_type and a window's key have no '/': so the parts cannot be mistaken. */
struct text ranking_question_key(const struct ranking_question *question, char out[RANKING_QUESTION_KEY_SIZE])
{
    char period[24] = "running";
    if (question->has_period) {
        snprintf(period, sizeof(period), "%" PRId64, question->period);
    }
    const int len = snprintf(out, RANKING_QUESTION_KEY_SIZE, "%s/%s/%s", question->config->counter_type,
                             question->window.key, period);
    return (struct text){out, (size_t)len};
}
