// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "weights/pickle.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <unordered_map>

#include "core/error.h"

namespace hra::pickle {
namespace {

// A full Stable Diffusion checkpoint with its optimizer has fewer than 200,000 values and 20 levels.
constexpr std::size_t max_values = 4'000'000;
constexpr std::uint16_t max_depth = 200;
constexpr int min_protocol = 2;
constexpr int max_protocol = 5;

/// pickletools' names, in the order of the protocols that brought them.
enum Opcode : std::uint8_t {
    op_mark = '(',
    op_stop = '.',
    op_pop = '0',
    op_pop_mark = '1',
    op_dup = '2',
    op_binint = 'J',
    op_binint1 = 'K',
    op_binint2 = 'M',
    op_none = 'N',
    op_binpersid = 'Q',
    op_reduce = 'R',
    op_binstring = 'T',
    op_short_binstring = 'U',
    op_binunicode = 'X',
    op_append = 'a',
    op_build = 'b',
    op_global = 'c',
    op_appends = 'e',
    op_binget = 'h',
    op_long_binget = 'j',
    op_empty_list = ']',
    op_binput = 'q',
    op_long_binput = 'r',
    op_setitem = 's',
    op_tuple = 't',
    op_empty_tuple = ')',
    op_setitems = 'u',
    op_empty_dict = '}',
    op_binfloat = 'G',
    op_proto = 0x80,
    op_newobj = 0x81,
    op_tuple1 = 0x85,
    op_tuple2 = 0x86,
    op_tuple3 = 0x87,
    op_newtrue = 0x88,
    op_newfalse = 0x89,
    op_long1 = 0x8a,
    op_long4 = 0x8b,
    op_binbytes = 'B',
    op_short_binbytes = 'C',
    op_short_binunicode = 0x8c,
    op_binunicode8 = 0x8d,
    op_binbytes8 = 0x8e,
    op_empty_set = 0x8f,
    op_additems = 0x90,
    op_frozenset = 0x91,
    op_newobj_ex = 0x92,
    op_stack_global = 0x93,
    op_memoize = 0x94,
    op_frame = 0x95,
    op_bytearray8 = 0x96,
};

struct Callable {
    std::string_view module, name;
};

// What a checkpoint of tensors may call. The list only widens what is read; nothing on it is run either.
constexpr std::array<Callable, 22> allowed_calls{{{"torch._utils", "_rebuild_tensor"},
                                                  {"torch._utils", "_rebuild_tensor_v2"},
                                                  {"torch._utils", "_rebuild_parameter"},
                                                  {"torch", "Size"},
                                                  {"torch", "device"},
                                                  {"collections", "OrderedDict"},
                                                  {"collections", "defaultdict"},
                                                  {"collections", "Counter"},
                                                  {"numpy.core.multiarray", "scalar"},
                                                  {"numpy.core.multiarray", "_reconstruct"},
                                                  {"numpy._core.multiarray", "scalar"},
                                                  {"numpy._core.multiarray", "_reconstruct"},
                                                  {"numpy", "dtype"},
                                                  {"_codecs", "encode"},
                                                  {"copy_reg", "_reconstructor"},
                                                  {"copyreg", "_reconstructor"},
                                                  {"__builtin__", "set"},
                                                  {"builtins", "set"},
                                                  {"__builtin__", "frozenset"},
                                                  {"builtins", "frozenset"},
                                                  {"__builtin__", "bytearray"},
                                                  {"builtins", "bytearray"}}};

/// The stack machine. Values are only ever added, so pointers to them stay good.
class Reader {
public:
    Reader(std::span<const std::uint8_t> bytes, std::string_view where) : bytes_(bytes), where_(where) {}

    Document read() {
        check(byte() == op_proto, where_, "wanted a pickle of protocol 2 to 5, got another first byte");
        const int protocol = byte();
        check(protocol >= min_protocol && protocol <= max_protocol, where_,
              "wanted a pickle of protocol 2 to 5, got protocol ", protocol);
        for (std::uint8_t opcode = byte(); opcode != op_stop; opcode = byte()) step(opcode);
        document_.root = pop();
        document_.size = position_;
        return std::move(document_);
    }

private:
    template <class... Parts>
    [[noreturn]] void bad(const Parts&... parts) const {
        fail(where_, "wanted a well-formed pickle, got ", parts..., " before byte ", position_);
    }

    // ---- Bytes ----
    std::string_view take(std::uint64_t size) {
        if (size > bytes_.size() - position_) bad("an end of data in the middle of a value");
        const auto* begin = reinterpret_cast<const char*>(bytes_.data()) + position_;
        position_ += static_cast<std::size_t>(size);
        return {begin, static_cast<std::size_t>(size)};
    }
    std::uint8_t byte() { return static_cast<std::uint8_t>(take(1)[0]); }
    template <class T>
    T number() {
        T value;
        std::memcpy(&value, take(sizeof value).data(), sizeof value);
        return value;
    }
    std::string_view line() {
        const std::size_t begin = position_;
        while (byte() != '\n') {
        }
        return {reinterpret_cast<const char*>(bytes_.data()) + begin, position_ - begin - 1};
    }

    // ---- Values ----
    Value& make(Kind kind) {
        check(document_.values.size() < max_values, where_, "wanted a pickle of at most ", max_values,
              " values, got more");
        Value& value = document_.values.emplace_back();
        value.kind = kind;
        return value;
    }
    Value* text(Kind kind, std::string_view content) {
        Value& value = make(kind);
        value.text = content;
        return &value;
    }
    Value* integer(Kind kind, std::int64_t number) {
        Value& value = make(kind);
        value.integer = number;
        return &value;
    }
    Value* long_integer(std::string_view digits) {
        if (digits.size() > sizeof(std::int64_t)) return text(Kind::big_integer, digits);
        const bool negative = !digits.empty() && static_cast<signed char>(digits.back()) < 0;
        std::uint64_t bits = negative ? ~std::uint64_t{0} : 0;
        std::memcpy(&bits, digits.data(), digits.size());
        return integer(Kind::integer, static_cast<std::int64_t>(bits));
    }
    Value* real() {
        const auto bits = __builtin_bswap64(number<std::uint64_t>());  // stored big-endian
        Value& value = make(Kind::real);
        value.real = std::bit_cast<double>(bits);
        return &value;
    }
    Value* global(const Value* module, const Value* name) {
        if (module->kind != Kind::string || name->kind != Kind::string) bad("a global without a name");
        return container(Kind::global, {module, name});
    }
    Value* global_line() {
        Value* module = text(Kind::string, line());
        return global(module, text(Kind::string, line()));
    }
    Value* container(Kind kind, std::initializer_list<const Value*> items) {
        Value& value = make(kind);
        for (const Value* item : items) add(value, item);
        return &value;
    }
    void add(Value& to, const Value* item) {
        check(item->depth < max_depth, where_, "wanted a pickle of at most ", max_depth,
              " levels, got deeper nesting");
        to.depth = std::max<std::uint16_t>(to.depth, static_cast<std::uint16_t>(item->depth + 1));
        to.items.push_back(item);
    }

    // ---- Stack ----
    void push(Value* value) {
        check(stack_.size() < max_values, where_, "wanted a pickle with a stack of at most ", max_values,
              " values, got more");
        stack_.push_back(value);
    }
    Value* pop() {
        Value* value = top();
        stack_.pop_back();
        return value;
    }
    Value* top() {
        if (stack_.size() <= (marks_.empty() ? 0 : marks_.back())) bad("an empty stack");
        return stack_.back();
    }
    std::vector<Value*> pop_to_mark() {
        if (marks_.empty()) bad("no mark");
        const auto begin = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
        std::vector<Value*> values(begin, stack_.end());
        stack_.erase(begin, stack_.end());
        marks_.pop_back();
        return values;
    }
    Value* pop_tuple(std::size_t count) {
        std::array<Value*, 3> popped{};
        for (std::size_t i = 0; i < count; ++i) popped[i] = pop();
        Value* tuple = &make(Kind::tuple);
        for (std::size_t i = count; i-- > 0;) add(*tuple, popped[i]);
        return tuple;
    }
    Value* marked(Kind kind) {
        Value* result = &make(kind);
        for (const Value* item : pop_to_mark()) add(*result, item);
        return result;
    }
    void extend_top() {
        const auto values = pop_to_mark();
        Value* to = appendable();
        for (const Value* value : values) add(*to, value);
    }
    Value* appendable() {
        const bool fits =
            top()->kind == Kind::list || top()->kind == Kind::set || top()->kind == Kind::object;
        if (!fits) bad("items for ", describe(*top()));
        return top();
    }
    void set_items(const std::vector<Value*>& values) {
        if (values.size() % 2 != 0) bad("a key without a value");
        Value* to = top();
        // A mapping class of unknown type keeps its items out of sight, as it keeps its state.
        if (to->kind != Kind::dict && to->kind != Kind::object) bad("keys for ", describe(*to));
        for (const Value* value : values) add(*to, value);
    }

    // ---- Memo ----
    void put(std::uint64_t index) {
        check(memo_.size() < max_values, where_, "wanted a memo of at most ", max_values, ", got more");
        memo_[index] = top();
    }
    Value* get(std::uint64_t index) const {
        const auto it = memo_.find(index);
        if (it == memo_.end()) bad("a memo entry that was never put");
        return it->second;
    }

    // ---- Calls ----
    Value* reduce() {
        const Value* arguments = pop();
        const Value* callable = pop();
        if (arguments->kind != Kind::tuple) bad("a call whose arguments are no tuple");
        const bool allowed = std::any_of(allowed_calls.begin(), allowed_calls.end(), [&](const Callable& c) {
            return callable->is_global(c.module, c.name);
        });
        check(allowed, where_, "wanted a checkpoint of tensors, got a call of ", describe(*callable),
              " (nothing was run)");
        // An OrderedDict is a dict to us; its optional argument, a list of pairs, stems from Python 2 only.
        if (callable->is_global("collections", "OrderedDict") && arguments->items.empty())
            return &make(Kind::dict);
        return container(Kind::object, {callable, arguments});
    }
    Value* new_object(std::size_t parts) {
        Value* keywords = parts == 3 ? pop() : nullptr;
        Value* arguments = pop();
        Value* type = pop();
        if (type->kind != Kind::global || arguments->kind != Kind::tuple) bad("an object without a class");
        return keywords == nullptr ? container(Kind::object, {type, arguments})
                                   : container(Kind::object, {type, arguments, keywords});
    }
    void build() {
        const Value* state = pop();
        // Python sets attributes here. Dicts carry them when they are OrderedDicts (`_metadata`).
        if (top()->kind == Kind::object) add(*top(), state);
    }

    void step(std::uint8_t opcode) {
        switch (opcode) {
            case op_mark:
                return mark();
            case op_pop:
                return discard();
            case op_pop_mark:
                return void(pop_to_mark());
            case op_dup:
                return push(top());
            case op_append:
                return append_one();
            case op_appends:
            case op_additems:
                return extend_top();
            case op_setitem:
                return set_one();
            case op_setitems:
                return set_items(pop_to_mark());
            case op_build:
                return build();
            case op_binput:
                return put(byte());
            case op_long_binput:
                return put(number<std::uint32_t>());
            case op_memoize:
                return put(memo_.size());
            case op_frame:
                return check_frame(number<std::uint64_t>());
            default:
                return push(produce(opcode));
        }
    }

    /// The opcodes that leave one new value on the stack.
    Value* produce(std::uint8_t opcode) {
        switch (opcode) {
            case op_none:
                return &make(Kind::none);
            case op_newtrue:
                return integer(Kind::boolean, 1);
            case op_newfalse:
                return integer(Kind::boolean, 0);
            case op_binint:
                return integer(Kind::integer, number<std::int32_t>());
            case op_binint1:
                return integer(Kind::integer, byte());
            case op_binint2:
                return integer(Kind::integer, number<std::uint16_t>());
            case op_long1:
                return long_integer(take(byte()));
            case op_long4:
                return long_integer(take(number<std::uint32_t>()));
            case op_binfloat:
                return real();
            case op_binstring:
            case op_binunicode:
                return text(Kind::string, take(number<std::uint32_t>()));
            case op_short_binstring:
            case op_short_binunicode:
                return text(Kind::string, take(byte()));
            case op_binunicode8:
                return text(Kind::string, take(number<std::uint64_t>()));
            case op_binbytes:
                return text(Kind::bytes, take(number<std::uint32_t>()));
            case op_short_binbytes:
                return text(Kind::bytes, take(byte()));
            case op_binbytes8:
            case op_bytearray8:
                return text(Kind::bytes, take(number<std::uint64_t>()));
            case op_empty_list:
                return &make(Kind::list);
            case op_empty_tuple:
                return &make(Kind::tuple);
            case op_empty_dict:
                return &make(Kind::dict);
            case op_empty_set:
                return &make(Kind::set);
            case op_tuple:
                return marked(Kind::tuple);
            case op_tuple1:
                return pop_tuple(1);
            case op_tuple2:
                return pop_tuple(2);
            case op_tuple3:
                return pop_tuple(3);
            case op_frozenset:
                return marked(Kind::set);
            case op_binget:
                return get(byte());
            case op_long_binget:
                return get(number<std::uint32_t>());
            case op_global:
                return global_line();
            case op_stack_global:
                return stack_global();
            case op_binpersid:
                return container(Kind::persistent, {pop()});
            case op_reduce:
                return reduce();
            case op_newobj:
                return new_object(2);
            case op_newobj_ex:
                return new_object(3);
            default:
                bad("the opcode ", static_cast<int>(opcode));
        }
    }

    void append_one() {
        const Value* value = pop();
        add(*appendable(), value);
    }
    void set_one() {
        Value* value = pop();
        Value* key = pop();
        set_items({key, value});
    }
    void discard() {
        const bool at_mark = !marks_.empty() && stack_.size() == marks_.back();
        if (at_mark)
            marks_.pop_back();
        else
            pop();
    }
    Value* stack_global() {
        const Value* name = pop();
        const Value* module = pop();
        return global(module, name);
    }
    void mark() {
        check(marks_.size() < max_values, where_, "wanted a pickle with at most ", max_values,
              " marks, got more");
        marks_.push_back(stack_.size());
    }
    void check_frame(std::uint64_t size) const {
        if (size > bytes_.size() - position_) bad("a frame that reaches past the end");
    }

    std::span<const std::uint8_t> bytes_;
    std::string where_;
    std::size_t position_ = 0;
    Document document_;
    std::vector<Value*> stack_;
    std::vector<std::size_t> marks_;  // sizes of the stack
    std::unordered_map<std::uint64_t, Value*> memo_;
};

}  // namespace

bool Value::is_global(std::string_view module, std::string_view name) const {
    return kind == Kind::global && items[0]->text == module && items[1]->text == name;
}

Document read(std::span<const std::uint8_t> bytes, std::string_view where) {
    return Reader(bytes, where).read();
}

const Value* find(const Value& dict, std::string_view key) {
    if (dict.kind != Kind::dict) return nullptr;
    for (std::size_t i = dict.items.size(); i >= 2; i -= 2)
        if (dict.items[i - 2]->kind == Kind::string && dict.items[i - 2]->text == key)
            return dict.items[i - 1];
    return nullptr;
}

std::string describe(const Value& value) {
    switch (value.kind) {
        case Kind::none:
            return "None";
        case Kind::boolean:
            return "a bool";
        case Kind::integer:
        case Kind::big_integer:
            return "an integer";
        case Kind::real:
            return "a float";
        case Kind::string:
            return "a string";
        case Kind::bytes:
            return "bytes";
        case Kind::list:
            return "a list";
        case Kind::tuple:
            return "a tuple";
        case Kind::dict:
            return "a dict";
        case Kind::set:
            return "a set";
        case Kind::persistent:
            return "a storage";
        case Kind::global:
            return concat('"', value.items[0]->text.substr(0, 60), '.', value.items[1]->text.substr(0, 60),
                          '"');
        case Kind::object:
            return value.items[0]->kind == Kind::global ? "an object of " + describe(*value.items[0])
                                                        : "an object";
    }
    return "something unknown";
}

}  // namespace hra::pickle
