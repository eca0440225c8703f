// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "sampling/image_tensor.h"

#include <cstring>

#include <torch/torch.h>

#include "core/error.h"

namespace hra {
namespace {

/// [B, H, W, 3] uint8 on the CPU -> pictures.
std::vector<Image> images_of_bytes(const torch::Tensor& bytes) {
    const auto dense = bytes.to(torch::kCPU).contiguous();
    std::vector<Image> images;
    for (std::int64_t b = 0; b < dense.size(0); ++b) {
        Image image(static_cast<int>(dense.size(2)), static_cast<int>(dense.size(1)), 3);
        std::memcpy(image.pixels.data(), dense[b].data_ptr(), image.pixels.size());
        images.push_back(std::move(image));
    }
    return images;
}

}  // namespace

torch::Tensor image_to_tensor(const Image& image) {
    check(image.channels == 3, "image_to_tensor", "wanted an RGB picture, got ", image.channels, " channels");
    const auto bytes = torch::empty({1, image.height, image.width, 3}, torch::kUInt8);
    std::memcpy(bytes.data_ptr(), image.pixels.data(), image.pixels.size());
    return bytes.permute({0, 3, 1, 2}).to(torch::kFloat32).div_(255).mul_(2).sub_(1).contiguous();
}

std::vector<Image> tensor_to_images(const torch::Tensor& batch) {
    const auto unit = (batch.to(torch::kFloat32) / 2 + 0.5).clamp(0, 1);
    return images_of_bytes((unit * 255).round().to(torch::kUInt8).permute({0, 2, 3, 1}));
}

Image preview_of_latents(const torch::Tensor& latents) {
    check(latents.dim() == 3 && latents.size(0) == 4, "preview_of_latents",
          "wanted latents of 4 channels, got ", latents.dim(), " dimensions");
    // Rows are the latent channels, columns red, green and blue: the least-squares projection that is in
    // common use for SD v1 latents.
    static const auto projection = torch::tensor(
        {{0.298, 0.207, 0.208}, {0.187, 0.286, 0.173}, {-0.158, 0.189, 0.264}, {-0.184, -0.271, -0.473}},
        torch::kFloat32);
    const auto rgb = latents.to(torch::kCPU, torch::kFloat32).permute({1, 2, 0}).matmul(projection);
    const auto bytes = (rgb * 127.5 + 127.5).clamp(0, 255).round().to(torch::kUInt8);
    return images_of_bytes(bytes.unsqueeze(0)).front();
}

}  // namespace hra
