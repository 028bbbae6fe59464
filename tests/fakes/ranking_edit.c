#include "tests/fakes/ranking_edit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "counter-service/ranking/ranking_order.h"
#include "counter-service/ranking/ranking_places.h"
#include "counter-service/redis/redis_command.h"

#define STATE TEXT("tally:{p0}:rankings")

static struct redis_reply ask(struct redis_conn *conn, const struct text *words, size_t count)
{
    struct error error;
    struct redis_reply reply = {.type = REDIS_NIL};
    struct buffer requests;
    buffer_init(&requests);
    redis_command_append(&requests, words, count);
    if (redis_command_begin(conn, &requests, 5000, &error) != 0 ||
        redis_command_expect(conn, "a question", &reply, &error) != 0) {
        fail_msg("%s", error.message);
    }
    buffer_done(&requests);
    return reply;
}

static void set_names(struct ranking_edit *edit, const struct ranked_window *ranked, bool is_former)
{
    char key[RANKING_KEY_SIZE];
    char period[RANKING_PERIOD_SIZE];
    const int64_t number = ranked->board.period - (is_former ? 1 : 0);
    const size_t slot = ranking_slot(&ranked->window, number);
    const struct text type = ranked->counter_type;
    const struct text top = ranking_top_key(key, type, &ranked->window, slot);
    snprintf(edit->key, sizeof(edit->key), "tally:{p0}:%.*s", (int)top.len, top.data);
    const struct text field = ranking_top_field(key, type, &ranked->window, slot);
    snprintf(edit->field, sizeof(edit->field), "%.*s", (int)field.len, field.data);
    ranking_period_name(&ranked->window, number, period);
    snprintf(edit->name, sizeof(edit->name), "%.*s %s%s%s", (int)type.len, type.data, ranked->window.name,
             period[0] == '\0' ? "" : " ", period);
}

static void read_table(struct ranking_edit *edit)
{
    struct text id;
    int64_t score;
    int next;
    struct text rest = {edit->string.data, edit->string.len};
    assert_int_equal(ranking_places_open(&rest), 0);
    while ((next = ranking_places_next(&rest, &id, &score)) > 0) {
        assert_true(ranking_table_put(&edit->table, id, score) >= 0);
    }
    assert_int_equal(next, 0);
}

void ranking_edit_begin(struct ranking_edit *edit, struct redis_conn *conn, const struct aggregator_run *run,
                        const char *window, bool is_former)
{
    *edit = (struct ranking_edit){.conn = conn};
    RANKED_EACH (&run->state, ranked) {
        if (strcmp(ranked->window.name, window) == 0) {
            set_names(edit, ranked, is_former);
        }
    }
    assert_true(edit->key[0] != '\0');
    buffer_init(&edit->string);
    ranking_table_init(&edit->table, SIZE_MAX / 2);
    const struct text get[] = {TEXT("GET"), text_of(edit->key)};
    buffer_append_text(&edit->string, ask(conn, get, 2).text);
    const struct text get_field[] = {TEXT("HGET"), STATE, text_of(edit->field)};
    assert_true(ranking_top_read(ask(conn, get_field, 3).text, &edit->top));
    assert_int_equal(edit->string.len, edit->top.length);
    read_table(edit);
}

void ranking_edit_done(struct ranking_edit *edit)
{
    buffer_done(&edit->string);
    ranking_table_done(&edit->table);
}

char *ranking_edit_member(struct ranking_edit *edit, size_t place, int64_t *ret_score)
{
    struct ranking_order order;
    const struct text string = {edit->string.data, edit->string.len};
    assert_int_equal(ranking_order_read(&string, 1, &order), STATUS_OK);
    assert_true(place < order.count);
    const struct ranking_entry *entry = &order.entries[place];
    char *id = calloc(1, entry->resource_id.len + 1);
    assert_non_null(id);
    memcpy(id, entry->resource_id.data, entry->resource_id.len);
    *ret_score = entry->score;
    ranking_order_done(&order);
    return id;
}

void ranking_edit_put(struct ranking_edit *edit, const char *resource_id, int64_t score, int more)
{
    const size_t before = edit->string.len;
    ranking_places_put(&edit->string, text_of(resource_id), score);
    edit->top.length += (int64_t)(edit->string.len - before);
    edit->top.members += more;
}

void ranking_edit_save_field(const struct ranking_edit *edit)
{
    char value[RANKING_TOP_TEXT_SIZE];
    const struct text words[] = {TEXT("HSET"), STATE, text_of(edit->field), ranking_top_put(value, &edit->top)};
    (void)ask(edit->conn, words, 4);
}

void ranking_edit_save(const struct ranking_edit *edit)
{
    const struct text words[] = {TEXT("SET"), text_of(edit->key), {edit->string.data, edit->string.len}};
    (void)ask(edit->conn, words, 3);
    ranking_edit_save_field(edit);
}
