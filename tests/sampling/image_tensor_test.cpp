// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "sampling/image_tensor.h"

#include <gtest/gtest.h>

#include <torch/torch.h>

#include "core/error.h"
#include "support/fixtures.h"

namespace hra {
namespace {

TEST(ImageTensor, SurvivesTheWayThereAndBack) {
    Image image(5, 3, 3);
    for (std::size_t i = 0; i < image.pixels.size(); ++i) image.pixels[i] = static_cast<std::uint8_t>(i * 5);
    const auto tensor = image_to_tensor(image);
    EXPECT_EQ(tensor.sizes(), (std::vector<std::int64_t>{1, 3, 3, 5}));
    EXPECT_EQ(tensor_to_images(tensor).front().pixels, image.pixels);
}

TEST(PreviewOfLatents, IsARgbPictureOfTheLatentsSize) {
    const auto grey = preview_of_latents(torch::zeros({4, 6, 9}));
    EXPECT_EQ(grey.width, 9);
    EXPECT_EQ(grey.height, 6);
    EXPECT_EQ(grey.pixels.front(), 128);
    EXPECT_ERROR(preview_of_latents(torch::zeros({3, 6, 9})), "4 channels");
}

}  // namespace
}  // namespace hra
