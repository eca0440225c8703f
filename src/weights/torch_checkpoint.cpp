// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "weights/torch_checkpoint.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <unordered_map>
#include <vector>

#include <torch/types.h>

#include "core/error.h"
#include "core/files.h"
#include "weights/pickle.h"
#include "weights/zip.h"

namespace hra {
namespace {

using pickle::Kind;
using pickle::Value;
using Bytes = std::span<const std::uint8_t>;

constexpr std::uint64_t max_pickle_size = 64 << 20;
constexpr int max_nesting = 64;  // of dicts and lists around a tensor
constexpr std::size_t max_entries = 1'000'000;
constexpr std::size_t max_name = 4096;
// A broadcast (stride 0) tensor may be larger than its storage, but not without end.
constexpr std::int64_t max_expanded_size = 64 << 20;

struct StorageType {
    std::string_view name;
    torch::ScalarType dtype;
};
constexpr std::array<StorageType, 10> storage_types{{{"FloatStorage", torch::kFloat32},
                                                     {"HalfStorage", torch::kFloat16},
                                                     {"BFloat16Storage", torch::kBFloat16},
                                                     {"DoubleStorage", torch::kFloat64},
                                                     {"LongStorage", torch::kInt64},
                                                     {"IntStorage", torch::kInt32},
                                                     {"ShortStorage", torch::kInt16},
                                                     {"CharStorage", torch::kInt8},
                                                     {"ByteStorage", torch::kUInt8},
                                                     {"BoolStorage", torch::kBool}}};

/// What a persistent id ('storage', type, key, location, length) says.
struct StorageId {
    torch::ScalarType dtype;
    std::string key;
    std::int64_t length;  // elements
};

std::optional<torch::ScalarType> storage_dtype(const Value& type) {
    for (const auto& entry : storage_types)
        if (type.is_global("torch", entry.name) || type.is_global("torch.cuda", entry.name))
            return entry.dtype;
    return std::nullopt;
}

StorageId parse_storage_id(const Value& value, const std::string& where) {
    check(value.kind == Kind::persistent, where, "wanted a storage, got ", pickle::describe(value));
    const Value& id = *value.items[0];
    const bool well_formed = id.kind == Kind::tuple && id.items.size() >= 5 &&
                             id.items[0]->text == "storage" && id.items[2]->kind == Kind::string &&
                             id.items[4]->kind == Kind::integer;
    check(well_formed, where, "wanted a storage's type, key and length, got something else");
    const auto dtype = storage_dtype(*id.items[1]);
    check(dtype.has_value(), where, "wanted a storage such as torch.FloatStorage, got ",
          pickle::describe(*id.items[1]));
    const bool is_view = id.items.size() > 5 && id.items[5]->kind != Kind::none;
    check(!is_view, where, "wanted whole storages, got a view of one (from before torch 0.4)");
    const StorageId result{*dtype, std::string(id.items[2]->text), id.items[4]->integer};
    size_in_bytes(std::array{result.length}, result.dtype, where);
    return result;
}

/// Where the bytes of storages come from.
class Storages {
public:
    virtual ~Storages() = default;

    /// A one-dimensional tensor over the whole storage, made on first use.
    torch::Tensor get(const StorageId& id, const std::string& where) {
        auto& tensor = tensors_[{id.key, id.dtype}];
        if (!tensor.defined()) tensor = load(id, where);
        check(tensor.numel() >= id.length, where, "wanted a storage of ", id.length, " elements, got ",
              tensor.numel());
        return tensor;
    }

protected:
    virtual torch::Tensor load(const StorageId& id, const std::string& where) = 0;

    static torch::Tensor over(Bytes bytes, const StorageId& id, const Owner& owner,
                              const std::string& where) {
        const std::array shape{id.length};
        const auto size = static_cast<std::size_t>(size_in_bytes(shape, id.dtype, where));
        check(bytes.size() >= size, where, "wanted ", size, " bytes in storage ", id.key, ", got ",
              bytes.size());
        return tensor_over(bytes.first(size), shape, id.dtype, owner);
    }

private:
    std::map<std::pair<std::string, torch::ScalarType>, torch::Tensor> tensors_;
};

class ZipStorages : public Storages {
public:
    ZipStorages(const ZipArchive& archive, std::string folder, Owner owner)
        : archive_(archive), folder_(std::move(folder)), owner_(std::move(owner)) {}

protected:
    torch::Tensor load(const StorageId& id, const std::string& where) override {
        const auto it = archive_.entries().find(folder_ + id.key);
        check(it != archive_.entries().end(), where, "wanted the storage ", id.key, ", got no such entry");
        const ZipArchive::Entry& entry = it->second;
        if (!entry.deflated) return over(entry.data, id, owner_, where);
        const auto size = static_cast<std::uint64_t>(size_in_bytes(std::array{id.length}, id.dtype, where));
        const auto buffer = std::make_shared<std::vector<std::uint8_t>>(archive_.inflate(entry, size));
        return over(*buffer, id, buffer, where);
    }

private:
    const ZipArchive& archive_;
    std::string folder_;
    Owner owner_;
};

class LegacyStorages : public Storages {
public:
    explicit LegacyStorages(Owner owner) : owner_(std::move(owner)) {}
    void add(std::string key, Bytes bytes) { bytes_[std::move(key)] = bytes; }

protected:
    torch::Tensor load(const StorageId& id, const std::string& where) override {
        const auto it = bytes_.find(id.key);
        check(it != bytes_.end(), where, "wanted the storage ", id.key, ", got no such storage in the file");
        return over(it->second, id, owner_, where);
    }

private:
    std::map<std::string, Bytes> bytes_;
    Owner owner_;
};

// ---- Tensors ----

bool is_made_by(const Value& value, std::string_view name) {
    return value.kind == Kind::object && value.items[0]->is_global("torch._utils", name);
}

bool is_tensor(const Value& value) {
    return is_made_by(value, "_rebuild_tensor_v2") || is_made_by(value, "_rebuild_tensor") ||
           is_made_by(value, "_rebuild_parameter");
}

std::vector<std::int64_t> integers(const Value& value, const std::string& where) {
    const bool is_sequence = value.kind == Kind::tuple || value.kind == Kind::list;
    check(is_sequence, where, "wanted a tuple of integers, got ", pickle::describe(value));
    std::vector<std::int64_t> result;
    for (const Value* item : value.items) {
        check(item->kind == Kind::integer, where, "wanted a tuple of integers, got ", pickle::describe(*item),
              " in it");
        result.push_back(item->integer);
    }
    return result;
}

/// The index after the last element that the view reaches. Sizes are at least 1.
std::int64_t reach(std::int64_t offset, const std::vector<std::int64_t>& sizes,
                   const std::vector<std::int64_t>& strides, const std::string& where) {
    std::int64_t last = offset;
    bool overflow = false;
    for (std::size_t d = 0; d < sizes.size(); ++d) {
        check(strides[d] >= 0, where, "wanted strides of at least 0, got ", strides[d]);
        std::int64_t step = 0;
        overflow |= __builtin_mul_overflow(sizes[d] - 1, strides[d], &step);
        overflow |= __builtin_add_overflow(last, step, &last);
    }
    overflow |= __builtin_add_overflow(last, std::int64_t{1}, &last);
    check(!overflow, where, "wanted a tensor within its storage, got strides that overflow");
    return last;
}

torch::Tensor build_tensor(const Value& value, Storages& storages, const std::string& where,
                           int nesting = 0) {
    check(is_tensor(value), where, "wanted a tensor, got ", pickle::describe(value));
    const auto& arguments = value.items[1]->items;
    if (is_made_by(value, "_rebuild_parameter")) {
        check(!arguments.empty() && nesting < max_nesting, where, "wanted a parameter's tensor, got none");
        return build_tensor(*arguments[0], storages, where, nesting + 1);
    }
    check(arguments.size() >= 4 && arguments[1]->kind == Kind::integer, where,
          "wanted a tensor's storage, offset, size and stride, got something else");
    const StorageId id = parse_storage_id(*arguments[0], where);
    const std::int64_t offset = arguments[1]->integer;
    const auto sizes = integers(*arguments[2], where);
    const auto strides = integers(*arguments[3], where);
    check(offset >= 0, where, "wanted an offset of at least 0, got ", offset);
    check(sizes.size() == strides.size(), where, "wanted as many strides as sizes, got ", strides.size(),
          " and ", sizes.size());
    const std::int64_t bytes = size_in_bytes(sizes, id.dtype, where);
    if (bytes == 0) return torch::empty(sizes, id.dtype);
    const std::int64_t end = reach(offset, sizes, strides, where);
    check(end <= id.length, where, "wanted a tensor within its storage of ", id.length,
          " elements, got one that reaches to ", end);
    const torch::Tensor storage = storages.get(id, where);
    check(bytes <= std::max(static_cast<std::int64_t>(storage.nbytes()), max_expanded_size), where,
          "wanted a tensor of about its storage's size, got ", bytes, " bytes over a storage of ",
          storage.nbytes());
    return storage.as_strided(sizes, strides, offset);
}

// ---- From values to a state dict ----

class Collector {
public:
    Collector(Storages& storages, std::string where) : storages_(storages), where_(std::move(where)) {}

    StateDict collect(const Value& root) {
        add(*unwrap(&root), "", 0);
        check(!result_.empty(), where_, "wanted a checkpoint with tensors, got ", pickle::describe(root),
              " without any");
        return std::move(result_);
    }

private:
    /// True when a tensor can be reached through dicts, lists and tuples. Cycles count as empty.
    bool holds_tensors(const Value& value, int nesting = 0) {
        if (is_tensor(value)) return true;
        const bool container =
            value.kind == Kind::dict || value.kind == Kind::list || value.kind == Kind::tuple;
        if (!container || nesting > max_nesting) return false;
        const auto [it, is_new] = holds_.emplace(&value, false);
        if (!is_new) return it->second;
        const std::size_t first = value.kind == Kind::dict ? 1 : 0, step = first + 1;
        bool holds = false;
        for (std::size_t i = first; i < value.items.size() && !holds; i += step)
            holds = holds_tensors(*value.items[i], nesting + 1);
        holds_[&value] = holds;
        return holds;
    }

    const Value* unwrap(const Value* value) {
        for (int level = 0; level < max_nesting; ++level) {
            const Value* inner = wrapped(*value);
            if (inner == nullptr) break;
            value = inner;
        }
        return value;
    }

    const Value* wrapped(const Value& dict) {
        if (dict.kind != Kind::dict) return nullptr;
        std::vector<const Value*> candidates;
        for (std::size_t i = 1; i < dict.items.size(); i += 2) {
            if (is_tensor(*dict.items[i])) return nullptr;
            if (holds_tensors(*dict.items[i])) candidates.push_back(dict.items[i]);
        }
        for (const char* key : {"state_dict", "model_state_dict", "module", "model"}) {
            const Value* value = pickle::find(dict, key);
            if (value != nullptr && value->kind == Kind::dict && holds_tensors(*value)) return value;
        }
        return candidates.size() == 1 && candidates[0]->kind == Kind::dict ? candidates[0] : nullptr;
    }

    void add(const Value& value, const std::string& name, int nesting) {
        check(name.size() <= max_name, where_, "wanted names of at most ", max_name,
              " bytes, got a longer one");
        check(++entries_ <= max_entries && nesting <= max_nesting, where_, "wanted at most ", max_entries,
              " entries in at most ", max_nesting, " levels, got more");
        if (is_tensor(value)) {
            result_.insert_or_assign(name, build_tensor(value, storages_, where_ + ": " + name));
        } else if (value.kind == Kind::dict) {
            for (std::size_t i = 0; i < value.items.size(); i += 2)
                if (const auto key = key_text(*value.items[i]))
                    add(*value.items[i + 1], join(name, *key), nesting + 1);
        } else if (value.kind == Kind::list || value.kind == Kind::tuple) {
            for (std::size_t i = 0; i < value.items.size(); ++i)
                add(*value.items[i], join(name, std::to_string(i)), nesting + 1);
        }
    }

    static std::optional<std::string> key_text(const Value& key) {
        if (key.kind == Kind::string) return std::string(key.text);
        if (key.kind == Kind::integer) return std::to_string(key.integer);
        return std::nullopt;
    }
    static std::string join(const std::string& name, const std::string& key) {
        return name.empty() ? key : name + '.' + key;
    }

    Storages& storages_;
    std::string where_;
    std::unordered_map<const Value*, bool> holds_;
    std::size_t entries_ = 0;
    StateDict result_;
};

// ---- The two formats ----

std::string find_root(const ZipArchive& archive, const std::string& where) {
    constexpr std::string_view pickle_name = "/data.pkl";
    for (const auto& [name, entry] : archive.entries()) {
        if (!name.ends_with(pickle_name)) continue;
        const std::string root = name.substr(0, name.size() - pickle_name.size());
        if (root.find('/') != root.npos) continue;
        check(!archive.entries().contains(root + "/constants.pkl"), where,
              "wanted a checkpoint, got a TorchScript program");
        return root;
    }
    fail(where, "wanted a checkpoint of torch.save, got a zip archive without data.pkl");
}

std::string_view text_of(Bytes bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

StateDict read_zip(Bytes bytes, const std::string& where, const Owner& owner) {
    const ZipArchive archive(bytes, where);
    const std::string root = find_root(archive, where);
    const auto order = archive.entries().find(root + "/byteorder");
    check(order == archive.entries().end() || text_of(order->second.data) == "little", where,
          "wanted little-endian data, got another byte order");
    const ZipArchive::Entry& entry = archive.entries().at(root + "/data.pkl");
    check(entry.size <= max_pickle_size, where, "wanted a data.pkl of at most ", max_pickle_size,
          " bytes, got ", entry.size);
    const auto inflated =
        entry.deflated ? archive.inflate(entry, max_pickle_size) : std::vector<std::uint8_t>();
    const pickle::Document document = pickle::read(entry.deflated ? Bytes(inflated) : entry.data, where);
    ZipStorages storages(archive, root + "/data/", owner);
    return Collector(storages, where).collect(*document.root);
}

/// The sequence of pickles and storages of the old format.
class LegacyFile {
public:
    LegacyFile(Bytes bytes, std::string where) : rest_(bytes), where_(std::move(where)) {}

    StateDict read(const Owner& owner) {
        check_preamble();
        const pickle::Document document = next_pickle();
        const pickle::Document keys = next_pickle();
        LegacyStorages storages(owner);
        read_storages(document, *keys.root, storages);
        return Collector(storages, where_).collect(*document.root);
    }

private:
    pickle::Document next_pickle() {
        pickle::Document document =
            pickle::read(rest_.first(std::min<std::size_t>(rest_.size(), max_pickle_size)), where_);
        rest_ = rest_.subspan(document.size);
        return document;
    }

    void check_preamble() {
        const std::string_view magic = "\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";
        const pickle::Document first = next_pickle();
        check(first.root->kind == Kind::big_integer && first.root->text == magic, where_,
              "wanted a checkpoint of torch.save, got another kind of pickle");
        constexpr std::int64_t protocol = 1001;
        const pickle::Document second = next_pickle();
        check(second.root->kind == Kind::integer && second.root->integer == protocol, where_,
              "wanted torch.save's protocol ", protocol, ", got another");
        const pickle::Document system = next_pickle();
        const Value* little = pickle::find(*system.root, "little_endian");
        check(little != nullptr && little->kind == Kind::boolean && little->integer == 1, where_,
              "wanted little-endian data, got another byte order");
    }

    void read_storages(const pickle::Document& document, const Value& keys, LegacyStorages& storages) {
        std::map<std::string, StorageId> ids;
        for (const Value& value : document.values) {
            if (value.kind != Kind::persistent) continue;
            const StorageId id = parse_storage_id(value, where_);
            const auto [it, is_new] = ids.emplace(id.key, id);
            check(is_new || (it->second.dtype == id.dtype && it->second.length == id.length), where_,
                  "wanted one type and length of storage ", id.key, ", got two");
        }
        check(keys.kind == Kind::list, where_, "wanted a list of storages, got ", pickle::describe(keys));
        for (const Value* key : keys.items) {
            check(key->kind == Kind::string, where_, "wanted a storage's key, got ", pickle::describe(*key));
            const auto id = ids.find(std::string(key->text));
            check(id != ids.end(), where_, "wanted storages that tensors use, got another: ", key->text);
            storages.add(id->first, next_storage(id->second));
        }
    }

    Bytes next_storage(const StorageId& id) {
        std::int64_t length = 0;
        check(rest_.size() >= sizeof length, where_, "wanted the storage ", id.key,
              ", got the end of the file");
        std::memcpy(&length, rest_.data(), sizeof length);
        rest_ = rest_.subspan(sizeof length);
        check(length == id.length, where_, "wanted a storage of ", id.length, " elements, got ", length);
        const auto size = static_cast<std::size_t>(size_in_bytes(std::array{length}, id.dtype, where_));
        check(rest_.size() >= size, where_, "wanted ", size, " bytes for the storage ", id.key, ", got ",
              rest_.size(), " (is the file cut off?)");
        const Bytes result = rest_.first(size);
        rest_ = rest_.subspan(size);
        return result;
    }

    Bytes rest_;
    std::string where_;
};

}  // namespace

StateDict read_torch_checkpoint(Bytes bytes, std::string_view where, const Owner& owner) {
    constexpr std::uint8_t pickle_start = 0x80;
    const std::string name(where);
    if (ZipArchive::detect(bytes)) return read_zip(bytes, name, owner);
    check(!bytes.empty() && bytes[0] == pickle_start, name,
          "wanted a checkpoint of torch.save, got a file of another kind");
    return LegacyFile(bytes, name).read(owner);
}

StateDict read_torch_checkpoint(const std::filesystem::path& path) {
    const auto map = MappedFile::open(path);
    return read_torch_checkpoint(map->bytes(), path.string(), map);
}

}  // namespace hra
