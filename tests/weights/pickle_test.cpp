// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "weights/pickle.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "support/fixtures.h"

namespace hra {
namespace {

using namespace std::string_literals;
using pickle::Kind;

/// Reads the opcodes after a protocol-2 start; STOP is added. The text must outlive the document.
pickle::Document read(const std::string& program) {
    return pickle::read({reinterpret_cast<const std::uint8_t*>(program.data()), program.size()}, "test");
}
std::string program(const std::string& opcodes) {
    return "\x80\x02"s + opcodes + ".";
}

TEST(Pickle, NumbersOfAllWidths) {
    const std::string text =
        program("(K\x05M\x01\x02J\xfe\xff\xff\xff\x8a\x02\x00\x80\x8a\x00G\x3f\xf8\0\0\0\0\0\0t"s);
    const auto document = read(text);
    const auto& items = document.root->items;
    ASSERT_EQ(items.size(), 6U);
    EXPECT_EQ(items[0]->integer, 5);
    EXPECT_EQ(items[1]->integer, 0x0201);
    EXPECT_EQ(items[2]->integer, -2);
    EXPECT_EQ(items[3]->integer, -32768);
    EXPECT_EQ(items[4]->integer, 0);
    EXPECT_EQ(items[5]->real, 1.5);
}

TEST(Pickle, TheLastOfEqualKeysCounts) {
    const std::string text = program(
        "}(U\x01"
        "aK\x01U\x01"
        "aK\x02u"s);
    const auto document = read(text);
    EXPECT_EQ(pickle::find(*document.root, "a")->integer, 2);
    EXPECT_EQ(pickle::find(*document.root, "b"), nullptr);
}

TEST(Pickle, CyclesAreValuesLikeOthers) {
    const std::string text = program("]q\0h\0a"s);
    const auto document = read(text);
    EXPECT_EQ(document.root->items.at(0), document.root);
}

TEST(Pickle, InstancesOfUnknownClassesAreSteppedOver) {
    const std::string text = program(
        "cargparse\nNamespace\n)\x81}U\x01"
        "aK\x01sb"s);
    const auto document = read(text);
    EXPECT_EQ(document.root->kind, Kind::object);
    EXPECT_TRUE(document.root->items[0]->is_global("argparse", "Namespace"));
}

TEST(Pickle, CallsOfAnythingUnknownAreRefused) {
    EXPECT_ERROR(read(program("cposix\nsystem\nU\x01x\x85R")), "posix.system");
    EXPECT_ERROR(read(program("U\x05posixU\x06system\x93)R")), "posix.system");
    // An object that is called: what __reduce__ chains do.
    EXPECT_ERROR(read(program("cbuiltins\nset\n)R)R")), "call of an object");
}

TEST(Pickle, MalformedProgramsAreErrors) {
    for (const std::string& opcodes :
         {"0"s, "t"s, "u"s, "K"s, "h\x07"s, "j\xff\xff\xff\xff"s, "Na"s, "NNs"s, "(NNt0Q"s, "]K\x01u"s,
          "NN\x93"s, "\x8b\xff\xff\xff\xff"s, "\x8d\xff\xff\xff\xff\xff\xff\xff\xff"s, "cno newline"s,
          "I1\n"s, "\x95\xff\0\0\0\0\0\0\0N"s, "N)\x81"s, "(N(e"s}) {
        SCOPED_TRACE(opcodes);
        EXPECT_ERROR(read(program(opcodes)), "[test]");
    }
    EXPECT_ERROR(read("\x80\x01N."), "protocol 1");
    EXPECT_ERROR(read("\x80\x06N."), "protocol 6");
    EXPECT_ERROR(read(""), "end of data");
}

TEST(Pickle, DeepNestingAndBoundlessStacksAreRefused) {
    constexpr int levels = 100'000;
    EXPECT_ERROR(read(program(std::string(levels, ']') + std::string(levels - 1, 'a'))), "levels");
    EXPECT_ERROR(read(program(std::string(5'000'000, ']'))), "values");
    EXPECT_ERROR(read(program("N" + std::string(5'000'000, '2'))), "stack");
    EXPECT_ERROR(read(program(std::string(5'000'000, '('))), "marks");
}

}  // namespace
}  // namespace hra
