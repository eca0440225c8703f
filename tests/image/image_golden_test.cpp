// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// Loading and resizing against Pillow and torchvision.
#include <algorithm>
#include <map>
#include <random>
#include <sstream>

#include <gtest/gtest.h>

#include "core/error.h"
#include "core/files.h"
#include "image/load.h"
#include "image/resize.h"
#include "support/expect_close.h"
#include "support/fixtures.h"

namespace hra {
namespace {

constexpr test::Tolerance exact{0};
// The same 8-bit values, then two float operations.
constexpr test::Tolerance float_rounding{1e-6};

torch::Tensor as_tensor(const Image& image) {
    return torch::tensor(at::ArrayRef<std::uint8_t>(image.pixels), torch::kUInt8)
        .view({image.height, image.width, image.channels});
}

std::filesystem::path picture(const std::string& name) {
    for (const char* end : {".png", ".jpg"})
        if (test::has_fixture("metrics/images/" + name + end))
            return test::fixture("metrics/images/" + name + end);
    fail("tests", "wanted the picture ", name, " in metrics/images, got none");
}

Filter filter_of(const std::string& name) {
    static const std::map<std::string, Filter> filters{{"nearest", Filter::nearest},
                                                       {"box", Filter::box},
                                                       {"bilinear", Filter::bilinear},
                                                       {"bicubic", Filter::bicubic},
                                                       {"lanczos", Filter::lanczos}};
    return filters.at(name);
}

/// "real_0.pil_box.37x29" -> {"real_0", "pil_box", "37x29"}.
std::vector<std::string> fields(const std::string& name) {
    std::vector<std::string> out;
    std::istringstream in(name);
    for (std::string field; std::getline(in, field, '.');) out.push_back(field);
    return out;
}

TEST(ImageGolden, FilesBecomeRgbAsInPillow) {
    int count = 0;
    for (const auto& [name, expected] : test::golden("preprocess/golden.safetensors")) {
        const auto parts = fields(name);
        if (parts.back() != "as_rgb") continue;
        ++count;
        EXPECT_CLOSE(as_tensor(load_image(test::fixture("preprocess/" + parts[0] + ".png"))), expected, exact)
            << name;
    }
    EXPECT_GT(count, 0);
}

TEST(ImageGolden, ResizesAsPillow) {
    int count = 0;
    for (const auto& [name, expected] : test::golden("preprocess/golden.safetensors")) {
        const auto parts = fields(name);
        if (parts.size() != 3 || !parts[1].starts_with("pil_")) continue;
        ++count;
        const Image image = load_image(picture(parts[0]));
        const Image resized = resize(image, static_cast<int>(expected.size(1)),
                                     static_cast<int>(expected.size(0)), filter_of(parts[1].substr(4)));
        EXPECT_CLOSE(as_tensor(resized), expected, exact) << name;
    }
    EXPECT_GT(count, 0);
}

TEST(ImageGolden, PreparesTrainingPicturesAsTorchvision) {
    int count = 0;
    const auto golden = test::golden("preprocess/golden.safetensors");
    for (const auto& [name, expected] : golden) {
        const auto parts = fields(name);
        if (parts.back() != "resized_u8") continue;
        ++count;
        const int size = std::stoi(parts[1]);
        const Image resized = resize_shorter_edge(load_image(picture(parts[0])), size, Filter::bilinear);
        EXPECT_CLOSE(as_tensor(resized), expected, exact) << name;
        const auto cropped = as_tensor(center_crop(resized, size, size)).permute({2, 0, 1});
        EXPECT_CLOSE((cropped.to(torch::kFloat32) / 255 - 0.5) / 0.5,
                     golden.at(parts[0] + '.' + parts[1] + ".center_crop_normalised"), float_rounding)
            << name;
    }
    EXPECT_GT(count, 0);
}

/// The pictures whose pixels the fixture root holds as the original decoded them.
std::vector<std::string> pixel_names() {
    std::vector<std::string> names;
    if (!test::has_fixture("metrics/golden.safetensors")) return names;
    for (const auto& [name, tensor] : test::golden("metrics/golden.safetensors"))
        if (name.starts_with("pixels/")) names.push_back(name);
    return names;
}

TEST(ImageGolden, DamagedJpegIsRefusedOrRead) {
    int jpegs = 0;
    for (const auto& entry : std::filesystem::directory_iterator(test::fixture("metrics/images"))) {
        if (entry.path().extension() != ".jpg") continue;
        ++jpegs;
        const std::string good = read_file(entry.path());
        std::mt19937 random(17);
        for (int round = 0; round < 1000; ++round) {
            std::string bad = good;
            // Half of the damage goes to the tables at the beginning.
            const std::size_t reach = round % 2 == 0 ? bad.size() : std::min<std::size_t>(bad.size(), 700);
            for (unsigned i = 0; i < 1 + random() % 5; ++i)
                bad[random() % reach] = static_cast<char>(random());
            if (round % 7 == 0) bad.resize(random() % bad.size());
            try {
                decode_image({reinterpret_cast<const std::uint8_t*>(bad.data()), bad.size()}, "test");
            } catch (const Error&) {
                // Refused, which is as good as understood.
            }
        }
        EXPECT_ERROR(
            decode_image({reinterpret_cast<const std::uint8_t*>(good.data()), good.size() - 2}, "test"),
            "[test] wanted a whole JPEG file, got one that is cut off");
    }
    EXPECT_GT(jpegs, 0);
}

class ImagePixels : public ::testing::TestWithParam<std::string> {};

TEST_P(ImagePixels, AreThoseOfPillow) {
    const auto path = picture(GetParam().substr(std::string("pixels/").size()));
    const auto expected = test::golden("metrics/golden.safetensors").at(GetParam());
    EXPECT_CLOSE(as_tensor(load_image(path)), expected, exact) << path;
}

INSTANTIATE_TEST_SUITE_P(Fixtures, ImagePixels, ::testing::ValuesIn(pixel_names()),
                         [](const auto& entry) { return test::test_name(entry.param); });
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(ImagePixels);

}  // namespace
}  // namespace hra
