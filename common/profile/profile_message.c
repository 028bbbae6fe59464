#include "common/profile/profile_message.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COMMENT_SIZE = 64 };

/* Every array has room for one of each address, or sample, and is in the arena. */
struct maker {
    const struct profile *profile;
    struct symbols *symbols;
    struct arena *arena;
    Perftools__Profiles__Profile *message;
    uint64_t *addresses; /* of all frames, in order, each once */
    size_t address_count;
    const char *last_file; /* the text of the last function's */
    size_t first_label;    /* place among the texts */
    bool failed;
};

static void *allocate(struct maker *maker, size_t count, size_t size)
{
    void *memory = maker->failed ? NULL : arena_alloc(maker->arena, count * size + 1);
    maker->failed |= memory == NULL;
    return memory;
}

static void *allocate_pointers(struct maker *maker, size_t count)
{
    return allocate(maker, count, sizeof(void *));
}

#define ALLOCATE(maker, pointer, count) ((pointer) = allocate((maker), (count), sizeof(*(pointer))))

/* ---- texts ---- */

/* Returns its place in the table. */
static int64_t put_text(struct maker *maker, const char *text)
{
    Perftools__Profiles__Profile *message = maker->message;
    char *copy;
    const size_t len = text != NULL ? strlen(text) : 0;
    if (len == 0 && message->n_string_table > 0) {
        return 0;
    }
    if (ALLOCATE(maker, copy, len) == NULL) {
        return 0;
    }
    if (len > 0) {
        memcpy(copy, text, len);
    }
    message->string_table[message->n_string_table] = (ProtobufCBinaryData){len, (uint8_t *)copy};
    return (int64_t)message->n_string_table++;
}

static Perftools__Profiles__ValueType *make_unit(struct maker *maker, const struct profile_unit *unit)
{
    Perftools__Profiles__ValueType *type;
    if (ALLOCATE(maker, type, 1) != NULL) {
        perftools__profiles__value_type__init(type);
        type->type = put_text(maker, unit->type);
        type->unit = put_text(maker, unit->unit);
    }
    return type;
}

/* ---- places ---- */

static int compare_addresses(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a;
    const uint64_t y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void sort_addresses(struct maker *maker)
{
    const size_t count = maker->profile->frames.len / sizeof(*maker->addresses);
    if (ALLOCATE(maker, maker->addresses, count) == NULL || count == 0) {
        return;
    }
    memcpy(maker->addresses, maker->profile->frames.data, maker->profile->frames.len);
    qsort(maker->addresses, count, sizeof(*maker->addresses), compare_addresses);
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || maker->addresses[i] != maker->addresses[maker->address_count - 1]) {
            maker->addresses[maker->address_count++] = maker->addresses[i];
        }
    }
}

/* From 1. */
static uint64_t location_of(const struct maker *maker, uint64_t address)
{
    const uint64_t *found =
        bsearch(&address, maker->addresses, maker->address_count, sizeof(address), compare_addresses);
    return (uint64_t)(found - maker->addresses) + 1;
}

/* Addresses come in order, so the mapping is the first one, which is the program's, or the last one, or a new one.
 * Returns its id. */
static uint64_t put_mapping(struct maker *maker, const struct symbol *symbol)
{
    Perftools__Profiles__Profile *message = maker->message;
    Perftools__Profiles__Mapping *mapping;
    if (symbol->module == NULL) {
        return 0;
    }
    if (message->n_mapping > 0 && message->mapping[0]->memory_start == symbol->module_start) {
        return 1;
    }
    if (message->n_mapping > 0 && message->mapping[message->n_mapping - 1]->memory_start == symbol->module_start) {
        return message->n_mapping;
    }
    if (ALLOCATE(maker, mapping, 1) == NULL) {
        return 0;
    }
    perftools__profiles__mapping__init(mapping);
    mapping->id = message->n_mapping + 1;
    mapping->memory_start = symbol->module_start;
    mapping->memory_limit = symbol->module_end;
    mapping->filename = put_text(maker, symbol->module);
    mapping->has_functions = true; /* so pprof looks for no names of its own */
    mapping->has_filenames = true;
    mapping->has_line_numbers = true;
    message->mapping[message->n_mapping++] = mapping;
    return mapping->id;
}

/* As put_mapping. *last_start: of the last function. */
static uint64_t put_function(struct maker *maker, const struct symbol *symbol, uint64_t *last_start)
{
    Perftools__Profiles__Profile *message = maker->message;
    Perftools__Profiles__Function *function;
    if (message->n_function > 0 && *last_start == symbol->start) {
        return message->n_function;
    }
    if (ALLOCATE(maker, function, 1) == NULL) {
        return 0;
    }
    perftools__profiles__function__init(function);
    *last_start = symbol->start;
    function->id = message->n_function + 1;
    function->name = put_text(maker, symbol->name);
    function->system_name = function->name;
    const bool is_last_file = message->n_function > 0 && symbol->file == maker->last_file;
    function->filename =
        is_last_file ? message->function[message->n_function - 1]->filename : put_text(maker, symbol->file);
    maker->last_file = symbol->file;
    message->function[message->n_function++] = function;
    return function->id;
}

static void put_line(struct maker *maker, Perftools__Profiles__Location *location, const struct symbol *symbol,
                     uint64_t *last_start)
{
    Perftools__Profiles__Line *line;
    Perftools__Profiles__Line **lines;
    if (symbol->name == NULL || ALLOCATE(maker, line, 1) == NULL || (lines = allocate_pointers(maker, 1)) == NULL) {
        return;
    }
    perftools__profiles__line__init(line);
    line->function_id = put_function(maker, symbol, last_start);
    line->line = symbol->line;
    lines[0] = line;
    location->line = lines;
    location->n_line = 1;
}

/* Whether a sample is in it or not: the first mapping is what pprof calls the program. */
static void put_program(struct maker *maker)
{
    const struct symbol symbol = symbols_find(maker->symbols, (uint64_t)(uintptr_t)put_program);
    maker->message->mapping = allocate_pointers(maker, maker->address_count + 1);
    if (!maker->failed) {
        put_mapping(maker, &symbol);
    }
}

static void put_locations(struct maker *maker)
{
    Perftools__Profiles__Profile *message = maker->message;
    uint64_t last_start = 0;
    put_program(maker);
    message->function = allocate_pointers(maker, maker->address_count);
    message->location = allocate_pointers(maker, maker->address_count);
    for (size_t i = 0; i < maker->address_count && !maker->failed; i++) {
        const struct symbol symbol = symbols_find(maker->symbols, maker->addresses[i]);
        Perftools__Profiles__Location *location;
        if (ALLOCATE(maker, location, 1) == NULL) {
            return;
        }
        perftools__profiles__location__init(location);
        location->id = i + 1;
        location->address = maker->addresses[i];
        location->mapping_id = put_mapping(maker, &symbol);
        put_line(maker, location, &symbol, &last_start);
        message->location[message->n_location++] = location;
    }
}

/* ---- samples ---- */

/* There are as many labels as threads, and they stand behind all other texts. */
static int64_t put_label_text(struct maker *maker, const char *label)
{
    const Perftools__Profiles__Profile *message = maker->message;
    for (size_t i = maker->first_label; i < message->n_string_table; i++) {
        const ProtobufCBinaryData *known = &message->string_table[i];
        if (known->len == strlen(label) && memcmp(known->data, label, known->len) == 0) {
            return (int64_t)i;
        }
    }
    return put_text(maker, label);
}

static void put_label(struct maker *maker, Perftools__Profiles__Sample *sample, const char *text, int64_t key)
{
    Perftools__Profiles__Label *label;
    Perftools__Profiles__Label **labels;
    if (text[0] == '\0' || ALLOCATE(maker, label, 1) == NULL || (labels = allocate_pointers(maker, 1)) == NULL) {
        return;
    }
    perftools__profiles__label__init(label);
    label->key = key;
    label->str = put_label_text(maker, text);
    labels[0] = label;
    sample->label = labels;
    sample->n_label = 1;
}

static Perftools__Profiles__Sample *make_sample(struct maker *maker, const struct profile_sample *source,
                                                int64_t label_key)
{
    const uint64_t *frames = (const uint64_t *)(const void *)maker->profile->frames.data + source->first;
    Perftools__Profiles__Sample *sample;
    if (ALLOCATE(maker, sample, 1) == NULL) {
        return NULL;
    }
    perftools__profiles__sample__init(sample);
    if (ALLOCATE(maker, sample->location_id, source->depth) == NULL ||
        ALLOCATE(maker, sample->value, PROFILE_VALUES) == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < source->depth; i++) {
        sample->location_id[i] = location_of(maker, frames[i]);
    }
    sample->n_location_id = source->depth;
    memcpy(sample->value, source->values, sizeof(source->values));
    sample->n_value = PROFILE_VALUES;
    put_label(maker, sample, source->label, label_key);
    return sample;
}

static void put_samples(struct maker *maker, size_t count)
{
    const struct profile_sample *sources = (const void *)maker->profile->samples.data;
    Perftools__Profiles__Profile *message = maker->message;
    const int64_t label_key = put_text(maker, "thread");
    maker->first_label = message->n_string_table;
    message->sample = allocate_pointers(maker, count);
    for (size_t i = 0; i < count && !maker->failed; i++) {
        message->sample[i] = make_sample(maker, &sources[i], label_key);
        message->n_sample = i + 1;
    }
}

/* ---- the whole ---- */

static void put_comment(struct maker *maker)
{
    char text[COMMENT_SIZE];
    if (maker->profile->lost == 0 || ALLOCATE(maker, maker->message->comment, 1) == NULL) {
        return;
    }
    snprintf(text, sizeof(text), "%" PRIu64 " samples found no room", maker->profile->lost);
    maker->message->comment[0] = put_text(maker, text);
    maker->message->n_comment = 1;
}

static void put_kind(struct maker *maker)
{
    const struct profile_kind *kind = maker->profile->kind;
    Perftools__Profiles__Profile *message = maker->message;
    message->sample_type = allocate_pointers(maker, PROFILE_VALUES);
    for (size_t i = 0; i < PROFILE_VALUES && !maker->failed; i++) {
        message->sample_type[i] = make_unit(maker, &kind->values[i]);
        message->n_sample_type = i + 1;
    }
    message->period_type = make_unit(maker, &kind->period);
    message->period = maker->profile->period;
    message->drop_frames = put_text(maker, kind->drop_frames);
    message->time_nanos = maker->profile->start_us * 1000;
    message->duration_nanos = maker->profile->duration_us * 1000;
}

const Perftools__Profiles__Profile *profile_message_make(const struct profile *profile, struct symbols *symbols,
                                                         struct arena *arena)
{
    const size_t sample_count = profile->samples.len / sizeof(struct profile_sample);
    struct maker maker = {.profile = profile, .symbols = symbols, .arena = arena};
    if (ALLOCATE(&maker, maker.message, 1) == NULL) {
        return NULL;
    }
    perftools__profiles__profile__init(maker.message);
    sort_addresses(&maker);
    /* A module, a function and a file for each address, a label for each sample, and some more. */
    ALLOCATE(&maker, maker.message->string_table, 3 * maker.address_count + sample_count + 16);
    if (maker.failed) {
        return NULL;
    }
    put_text(&maker, "");
    put_kind(&maker);
    put_locations(&maker);
    put_comment(&maker);
    put_samples(&maker, sample_count);
    return maker.failed ? NULL : maker.message;
}
