#include "counter-service/reflection/proto_index.h"

#include <stdint.h>
#include <stdlib.h>

#include "common/base/arena.h"
#include "counter-service/reflection/proto_wire.h"

/* A few hundred symbols, which are seldom looked up: lists do. */
struct symbol {
    struct text name; /* NUL-terminated */
    struct text file; /* where it is defined */
    struct symbol *next;
};

struct file {
    struct text name;
    struct text bytes;
    struct file *next;
};

struct proto_index {
    struct arena arena; /* of everything below */
    struct file *files;
    struct symbol *symbols; /* newest first */
    struct symbol *services[PROTO_SERVICES_MAX];
    size_t service_count;
};

/* What google/protobuf/descriptor.proto defines. */
enum kind { KIND_NONE, KIND_FILE, KIND_MESSAGE, KIND_ENUM, KIND_SERVICE, KIND_PLAIN, KINDS };

enum {
    SET_FILE = 1,
    FILE_PACKAGE = 2,
    NAME = 1, /* of a file and of each kind of definition */
    CONTENT_FIELD_MAX = 8,
    DEPTH_MAX = 16, /* messages within messages */
};

/* The kind of the definitions in each field of a definition. PLAIN: fields, extensions, oneofs, enum values,
 * methods. */
static const unsigned char contents[KINDS][CONTENT_FIELD_MAX + 1] = {
    [KIND_FILE] = {[4] = KIND_MESSAGE, [5] = KIND_ENUM, [6] = KIND_SERVICE, [7] = KIND_PLAIN},
    [KIND_MESSAGE] = {[2] = KIND_PLAIN, [3] = KIND_MESSAGE, [4] = KIND_ENUM, [6] = KIND_PLAIN, [8] = KIND_PLAIN},
    [KIND_ENUM] = {[2] = KIND_PLAIN},
    [KIND_SERVICE] = {[2] = KIND_PLAIN},
};

/* The text of a message's field, empty if it is not there. */
static struct text text_of_field(struct text message, uint32_t number)
{
    struct text found = TEXT("");
    struct proto_field field;
    while (proto_next_field(&message, &field) > 0) {
        if (field.number == number && field.has_bytes) {
            found = field.bytes;
        }
    }
    return found;
}

/* scope.name, NUL-terminated; data is NULL when out of memory. */
static struct text join(struct arena *arena, struct text scope, struct text name)
{
    const size_t prefix_len = scope.len == 0 ? 0 : scope.len + 1;
    char *joined = arena_alloc(arena, prefix_len + name.len + 1);
    if (joined == NULL) {
        return (struct text){NULL, 0};
    }
    if (prefix_len > 0) {
        memcpy(joined, scope.data, scope.len);
        joined[scope.len] = '.';
    }
    memcpy(joined + prefix_len, name.data, name.len);
    joined[prefix_len + name.len] = '\0';
    return (struct text){joined, prefix_len + name.len};
}

static int add_symbol(struct proto_index *index, struct text name, struct text file, enum kind kind)
{
    struct symbol *symbol = arena_alloc(&index->arena, sizeof(*symbol));
    if (symbol == NULL || name.data == NULL) {
        return -1;
    }
    *symbol = (struct symbol){.name = name, .file = file, .next = index->symbols};
    index->symbols = symbol;
    if (kind == KIND_SERVICE) {
        if (index->service_count == PROTO_SERVICES_MAX) {
            return -1;
        }
        index->services[index->service_count++] = symbol;
    }
    return 0;
}

/* Adds what is defined inside a definition. scope: what the names in it begin with. */
static int add_contents(struct proto_index *index, struct text definition, enum kind kind, struct text scope,
                        struct text file, int depth)
{
    struct proto_field field;
    int more;
    while ((more = proto_next_field(&definition, &field)) > 0) {
        const enum kind inner = field.number <= CONTENT_FIELD_MAX ? contents[kind][field.number] : KIND_NONE;
        if (inner == KIND_NONE || !field.has_bytes) {
            continue;
        }
        const struct text name = join(&index->arena, scope, text_of_field(field.bytes, NAME));
        /* Values of an enum are named as if they stood beside it. */
        const struct text inner_scope = inner == KIND_ENUM ? scope : name;
        if (depth == DEPTH_MAX || add_symbol(index, name, file, inner) != 0 ||
            add_contents(index, field.bytes, inner, inner_scope, file, depth + 1) != 0) {
            return -1;
        }
    }
    return more;
}

static int add_file(struct proto_index *index, struct text bytes)
{
    struct file *file = arena_alloc(&index->arena, sizeof(*file));
    if (file == NULL) {
        return -1;
    }
    *file = (struct file){.name = text_of_field(bytes, NAME), .bytes = bytes, .next = index->files};
    index->files = file;
    return add_contents(index, bytes, KIND_FILE, text_of_field(bytes, FILE_PACKAGE), bytes, 0);
}

static int add_files(struct proto_index *index, struct text descriptor_set)
{
    struct proto_field field;
    int more;
    while ((more = proto_next_field(&descriptor_set, &field)) > 0) {
        if (field.number == SET_FILE && field.has_bytes && add_file(index, field.bytes) != 0) {
            return -1;
        }
    }
    return more;
}

struct proto_index *proto_index_create(struct text descriptor_set, struct error *error)
{
    struct proto_index *index = calloc(1, sizeof(*index));
    if (index == NULL) {
        error_set(error, "out of memory");
        return NULL;
    }
    arena_init(&index->arena);
    if (add_files(index, descriptor_set) != 0) {
        error_set(error, "the proto descriptors built into this program are damaged, or too many");
        proto_index_free(index);
        return NULL;
    }
    return index;
}

void proto_index_free(struct proto_index *index)
{
    if (index == NULL) {
        return;
    }
    arena_done(&index->arena);
    free(index);
}

bool proto_index_find_file(const struct proto_index *index, struct text name, struct text *ret_file)
{
    for (const struct file *file = index->files; file != NULL; file = file->next) {
        if (text_equal(file->name, name)) {
            *ret_file = file->bytes;
            return true;
        }
    }
    return false;
}

bool proto_index_find_symbol(const struct proto_index *index, struct text symbol, struct text *ret_file)
{
    for (const struct symbol *known = index->symbols; known != NULL; known = known->next) {
        if (text_equal(known->name, symbol)) {
            *ret_file = known->file;
            return true;
        }
    }
    return false;
}

size_t proto_index_service_count(const struct proto_index *index)
{
    return index->service_count;
}

const char *proto_index_service(const struct proto_index *index, size_t number)
{
    return index->services[number]->name.data;
}
