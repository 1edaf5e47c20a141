#include "wire/wire.h"

_Static_assert(sizeof(struct wire_page) <= 4096, "what host and worker share is one page");

static void put_little(struct buffer *out, uint64_t value, size_t size);
static void write_little(char *bytes, uint64_t value, size_t size);
static uint64_t read_little(const char *bytes, size_t size);
static uint64_t get_little(struct wire_reader *reader, size_t size);
static struct slice take(struct wire_reader *reader, size_t length);
static bool is_type(unsigned char type);

size_t wire_begin(struct buffer *out, enum wire_type type, uint64_t run) {
    size_t place = out->length;
    put_little(out, 0, 4);
    put_little(out, (uint64_t)type, 1);
    put_little(out, 0, 3);
    put_little(out, run, 8);
    return place;
}

void wire_put_u32(struct buffer *out, uint32_t value) {
    put_little(out, value, 4);
}

void wire_put_u64(struct buffer *out, uint64_t value) {
    put_little(out, value, 8);
}

void wire_put_i64(struct buffer *out, int64_t value) {
    put_little(out, (uint64_t)value, 8);
}

void wire_put_text(struct buffer *out, struct slice text) {
    if (text.length > WIRE_PAYLOAD_MAX) {
        out->is_broken = true;
        return;
    }
    wire_put_u32(out, (uint32_t)text.length);
    buffer_append_slice(out, text);
}

int wire_end(struct buffer *out, size_t place) {
    size_t length = out->length - place;
    if (out->is_broken || length > WIRE_HEAD_SIZE + WIRE_PAYLOAD_MAX) {
        buffer_truncate(out, place);
        out->is_broken = false;
        return -1;
    }
    write_little(out->bytes + place, length - WIRE_HEAD_SIZE, 4);
    return 0;
}

int wire_next(struct slice bytes, struct wire_frame *frame, size_t *taken) {
    if (bytes.length < WIRE_HEAD_SIZE) {
        return 0;
    }
    size_t length = (size_t)read_little(bytes.bytes, 4);
    unsigned char type = (unsigned char)bytes.bytes[4];
    if (length > WIRE_PAYLOAD_MAX || !is_type(type) || read_little(bytes.bytes + 5, 3) != 0) {
        return -1;
    }
    if (bytes.length - WIRE_HEAD_SIZE < length) {
        return 0;
    }
    frame->type = (enum wire_type)type;
    frame->run = read_little(bytes.bytes + 8, 8);
    frame->payload = slice_make(bytes.bytes + WIRE_HEAD_SIZE, length);
    *taken = WIRE_HEAD_SIZE + length;
    return 1;
}

struct wire_reader wire_read(const struct wire_frame *frame) {
    return (struct wire_reader){.rest = frame->payload};
}

uint32_t wire_get_u32(struct wire_reader *reader) {
    return (uint32_t)get_little(reader, 4);
}

uint64_t wire_get_u64(struct wire_reader *reader) {
    return get_little(reader, 8);
}

int64_t wire_get_i64(struct wire_reader *reader) {
    return (int64_t)get_little(reader, 8);
}

struct slice wire_get_text(struct wire_reader *reader) {
    return take(reader, wire_get_u32(reader));
}

bool wire_is_whole(const struct wire_reader *reader) {
    return !reader->is_broken && reader->rest.length == 0;
}

static void put_little(struct buffer *out, uint64_t value, size_t size) {
    char bytes[8];
    write_little(bytes, value, size);
    buffer_append(out, bytes, size);
}

static void write_little(char *bytes, uint64_t value, size_t size) {
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (char)(unsigned char)(value >> (8 * i));
    }
}

static uint64_t read_little(const char *bytes, size_t size) {
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++) {
        value |= (uint64_t)(unsigned char)bytes[i] << (8 * i);
    }
    return value;
}

/* 0 once the reader is broken. */
static uint64_t get_little(struct wire_reader *reader, size_t size) {
    struct slice bytes = take(reader, size);
    return reader->is_broken ? 0 : read_little(bytes.bytes, size);
}

/* After a field that is not there, nothing is: what follows it would be read at the wrong place. */
static struct slice take(struct wire_reader *reader, size_t length) {
    if (reader->is_broken || length > reader->rest.length) {
        reader->is_broken = true;
        return (struct slice){NULL, 0};
    }
    struct slice taken = slice_make(reader->rest.bytes, length);
    reader->rest = slice_make(taken.bytes + length, reader->rest.length - length);
    return taken;
}

static bool is_type(unsigned char type) {
    return (type >= WIRE_HELLO && type <= WIRE_CANCEL) || (type >= WIRE_LOADED && type <= WIRE_PLACE);
}
