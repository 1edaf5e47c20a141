// The strict reader beside an independent one, RapidJSON: both take the same texts, refuse the same ones, and tell the
// same values, integers and strings exactly and doubles bit by bit. Where the two differ on purpose, or RapidJSON is
// known to be wrong, the difference is checked for what it is, and counted:
//
//     depth       ours takes JSON_DEPTH levels; theirs any
//     surrogate   "\udc00" alone: theirs takes it and makes bytes that are no UTF-8
//     exponent    0e400 and the like: theirs refuses by the exponent alone, ours knows that the number is 0 (or small)
//     infinite    3e308: theirs makes some number of it, and refuses only larger exponents
//     unsigned    from 2^63 to 2^64 - 1: theirs has an unsigned integer, ours a double
//     rounding    theirs is not the nearest double; the C library's strtod decides
//
// The number of values is limited in ours, too, but no text here is long enough for that.
#include <rapidjson/reader.h>

extern "C" {
#include "fuzz/require.h"
#include "json/json.h"
}
#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace {

struct item {
    char kind = 0; // { } [ ] k(ey) s(tring) i(nteger) d(ouble) t f n
    std::string text;
    int64_t integer = 0;
    double real = 0;
    std::string_view raw; // of a double of ours: as it stands in the text
};

using items = std::vector<item>;

struct counts {
    unsigned long long taken = 0, refused = 0, depth = 0, surrogate = 0, exponent = 0, infinite = 0, unsigned_ = 0,
                       rounding = 0;
    ~counts() {
        (void)std::printf("taken %llu, refused %llu; differences: depth %llu, surrogate %llu, exponent %llu, "
                          "infinite %llu, unsigned "
                          "%llu, rounding %llu\n",
                          taken, refused, depth, surrogate, exponent, infinite, unsigned_, rounding);
    }
} counted;

struct ours {
    std::string_view text;
    items told;
    const json_place *place = nullptr;

    int put(char kind) {
        told.emplace_back().kind = kind;
        return 0;
    }
    int put(char kind, slice value) {
        (void)put(kind);
        told.back().text.assign(value.length == 0 ? "" : value.bytes, value.length);
        return 0;
    }
};

template <char kind> int on_mark(void *context) {
    return static_cast<ours *>(context)->put(kind);
}

template <char kind> int on_text(void *context, slice value) {
    return static_cast<ours *>(context)->put(kind, value);
}

int on_integer(void *context, int64_t value) {
    auto *self = static_cast<ours *>(context);
    (void)self->put('i');
    self->told.back().integer = value;
    return 0;
}

int on_number(void *context, double value) {
    auto *self = static_cast<ours *>(context);
    (void)self->put('d');
    self->told.back().real = value;
    self->told.back().raw = self->text.substr(self->place->begin, self->place->end - self->place->begin);
    return 0;
}

int on_boolean(void *context, bool value) {
    return static_cast<ours *>(context)->put(value ? 't' : 'f');
}

void take_place(void *context, const json_place *place) {
    static_cast<ours *>(context)->place = place;
}

bool read_ours(ours &self, json_error &error) {
    json_listener listener = {};
    listener.object_begin = on_mark<'{'>;
    listener.object_end = on_mark<'}'>;
    listener.array_begin = on_mark<'['>;
    listener.array_end = on_mark<']'>;
    listener.name = on_text<'k'>;
    listener.string = on_text<'s'>;
    listener.integer = on_integer;
    listener.number = on_number;
    listener.boolean = on_boolean;
    listener.null = on_mark<'n'>;
    listener.begin = take_place;
    return json_read(self.text.data(), self.text.size(), nullptr, &listener, &self, &error) == 0;
}

struct theirs : rapidjson::BaseReaderHandler<rapidjson::UTF8<>, theirs> {
    items told;
    size_t depth = 0, deepest = 0;

    bool put(char kind) {
        told.emplace_back().kind = kind;
        return true;
    }
    bool put(char kind, const char *text, size_t length) {
        (void)put(kind);
        told.back().text.assign(text, length);
        return true;
    }
    bool begin(char kind) {
        deepest = std::max(deepest, ++depth);
        return put(kind);
    }
    bool end(char kind) {
        depth--;
        return put(kind);
    }
    bool whole(int64_t value) {
        (void)put('i');
        told.back().integer = value;
        return true;
    }
    bool Null() {
        return put('n');
    }
    bool Bool(bool value) {
        return put(value ? 't' : 'f');
    }
    bool Int(int value) {
        return whole(value);
    }
    bool Uint(unsigned value) {
        return whole(value);
    }
    bool Int64(int64_t value) {
        return whole(value);
    }
    bool Uint64(uint64_t value) {
        if (value <= static_cast<uint64_t>(INT64_MAX)) {
            return whole(static_cast<int64_t>(value));
        }
        counted.unsigned_++;
        return Double(static_cast<double>(value));
    }
    bool Double(double value) {
        (void)put('d');
        told.back().real = value;
        return true;
    }
    bool String(const char *text, rapidjson::SizeType length, bool) {
        return put('s', text, length);
    }
    bool Key(const char *text, rapidjson::SizeType length, bool) {
        return put('k', text, length);
    }
    bool StartObject() {
        return begin('{');
    }
    bool EndObject(rapidjson::SizeType) {
        return end('}');
    }
    bool StartArray() {
        return begin('[');
    }
    bool EndArray(rapidjson::SizeType) {
        return end(']');
    }
};

// To it the end of the text is a NUL, so one in the middle ends it as well.
bool read_theirs(std::string_view text, theirs &self, rapidjson::ParseErrorCode &code) {
    constexpr unsigned flags = rapidjson::kParseValidateEncodingFlag | rapidjson::kParseFullPrecisionFlag |
                               rapidjson::kParseIterativeFlag;
    rapidjson::MemoryStream stream(text.data(), text.size());
    rapidjson::Reader reader;
    auto result = reader.Parse<flags>(stream, self);
    code = result.Code();
    return !result.IsError() && stream.Tell() == text.size();
}

bool has_surrogate(const items &told) {
    return std::any_of(told.begin(), told.end(), [](const item &one) {
        for (size_t i = 0; i + 1 < one.text.size(); i++) {
            if (one.text[i] == '\xED' && static_cast<unsigned char>(one.text[i + 1]) >= 0xA0) {
                return true;
            }
        }
        return false;
    });
}

bool has_large_exponent(const items &told) {
    return std::any_of(told.begin(), told.end(), [](const item &one) {
        return one.kind == 'd' && one.raw.find_first_of("eE") != std::string_view::npos;
    });
}

void compare_doubles(const item &a, const item &b) {
    if (std::memcmp(&a.real, &b.real, sizeof a.real) == 0) {
        return;
    }
    double judge = std::strtod(std::string(a.raw).c_str(), nullptr);
    REQUIRE(std::memcmp(&a.real, &judge, sizeof judge) == 0);
    counted.rounding++;
}

void compare(const items &a, const items &b) {
    REQUIRE(a.size() == b.size());
    for (size_t i = 0; i < a.size(); i++) {
        REQUIRE(a[i].kind == b[i].kind);
        REQUIRE(a[i].text == b[i].text);
        REQUIRE(a[i].integer == b[i].integer);
        if (a[i].kind == 'd') {
            compare_doubles(a[i], b[i]);
        }
    }
}

// What only theirs takes: ours names the first reason that it met.
void compare_taken(std::string_view text, const json_error &error, const theirs &their) {
    if (std::strstr(error.message, "too deep") != nullptr) {
        REQUIRE(their.deepest > JSON_DEPTH);
        counted.depth++;
    } else if (std::strstr(error.message, "surrogate") != nullptr) {
        REQUIRE(has_surrogate(their.told));
        counted.surrogate++;
    } else {
        REQUIRE(std::strstr(error.message, "too large for a double") != nullptr);
        REQUIRE(std::isinf(std::strtod(std::string(text.substr(error.offset)).c_str(), nullptr)));
        counted.infinite++;
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    std::string_view text(reinterpret_cast<const char *>(bytes), length);
    ours our;
    theirs their;
    json_error error;
    rapidjson::ParseErrorCode code;
    our.text = text;
    bool we_take = read_ours(our, error);
    bool they_take = read_theirs(text, their, code);
    if (we_take && they_take) {
        counted.taken++;
        compare(our.told, their.told);
    } else if (we_take) {
        REQUIRE(code == rapidjson::kParseErrorNumberTooBig && has_large_exponent(our.told));
        counted.exponent++;
    } else if (they_take) {
        compare_taken(text, error, their);
    } else {
        REQUIRE(error.offset <= length && error.message[0] != '\0');
        counted.refused++;
    }
    return 0;
}
