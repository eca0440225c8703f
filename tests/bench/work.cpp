// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "bench/work.h"

#include <vector>

namespace hra::bench {
namespace {

/// Adds up layers on feature maps of the current size.
struct Counter {
    Work work;
    double batch;
    double height, width;

    void conv(std::int64_t in, std::int64_t out, std::int64_t kernel) {
        work.convolution += 2 * batch * height * width * static_cast<double>(in * out * kernel * kernel);
    }
    void linear(double rows, std::int64_t in, std::int64_t out) {
        work.linear += 2 * batch * rows * static_cast<double>(in * out);
    }
    void attention(double queries, double keys, std::int64_t channels) {
        work.attention += 4 * batch * queries * keys * static_cast<double>(channels);
    }
    void resnet(std::int64_t in, std::int64_t out, std::int64_t time_channels) {
        conv(in, out, 3);
        conv(out, out, 3);
        if (in != out) conv(in, out, 1);
        if (time_channels > 0) linear(1, time_channels, out);
    }
    void transformer(std::int64_t channels, std::int64_t text_channels, double text_length) {
        const double tokens = height * width;
        conv(channels, channels, 1);
        for (int i = 0; i < 4; ++i) linear(tokens, channels, channels);
        attention(tokens, tokens, channels);
        for (int i = 0; i < 2; ++i) linear(tokens, channels, channels);
        for (int i = 0; i < 2; ++i) linear(text_length, text_channels, channels);
        attention(tokens, text_length, channels);
        linear(tokens, channels, 8 * channels);
        linear(tokens, 4 * channels, channels);
        conv(channels, channels, 1);
    }
    void scale(double factor) {
        height *= factor;
        width *= factor;
    }
};

bool has_attention(const std::string& block_type) {
    return block_type.starts_with("CrossAttn");
}

}  // namespace

Work unet_work(const UNet2DConditionConfig& config, std::int64_t batch, std::int64_t height,
               std::int64_t width, std::int64_t text_length) {
    Counter c{{}, static_cast<double>(batch), static_cast<double>(height), static_cast<double>(width)};
    const auto& channels = config.block_out_channels;
    const std::int64_t time_channels = channels.front() * 4;
    const auto transform = [&](std::int64_t width_in_channels) {
        c.transformer(width_in_channels, config.cross_attention_dim, static_cast<double>(text_length));
    };
    c.linear(1, channels.front(), time_channels);
    c.linear(1, time_channels, time_channels);
    c.conv(config.in_channels, channels.front(), 3);

    std::vector<std::int64_t> skips{channels.front()};
    std::int64_t current = channels.front();
    for (std::size_t level = 0; level < channels.size(); ++level) {
        for (std::int64_t layer = 0; layer < config.layers_per_block; ++layer) {
            c.resnet(current, channels[level], time_channels);
            current = channels[level];
            if (has_attention(config.down_block_types[level])) transform(current);
            skips.push_back(current);
        }
        if (level + 1 == channels.size()) break;
        c.scale(0.5);
        c.conv(current, current, 3);
        skips.push_back(current);
    }
    c.resnet(current, current, time_channels);
    transform(current);
    c.resnet(current, current, time_channels);
    for (std::size_t level = 0; level < channels.size(); ++level) {
        const std::int64_t out = channels[channels.size() - 1 - level];
        for (std::int64_t layer = 0; layer <= config.layers_per_block; ++layer) {
            c.resnet(current + skips.back(), out, time_channels);
            skips.pop_back();
            current = out;
            if (has_attention(config.up_block_types[level])) transform(current);
        }
        if (level + 1 == channels.size()) break;
        c.scale(2);
        c.conv(current, current, 3);
    }
    c.conv(current, config.out_channels, 3);
    return c.work;
}

Work vae_decode_work(const AutoencoderKLConfig& config, std::int64_t height, std::int64_t width) {
    Counter c{{}, 1, static_cast<double>(height), static_cast<double>(width)};
    std::int64_t current = config.block_out_channels.back();
    c.conv(config.latent_channels, config.latent_channels, 1);
    c.conv(config.latent_channels, current, 3);
    const double tokens = c.height * c.width;
    c.resnet(current, current, 0);
    for (int i = 0; i < 4; ++i) c.linear(tokens, current, current);
    c.attention(tokens, tokens, current);
    c.resnet(current, current, 0);
    for (std::size_t level = config.block_out_channels.size(); level-- > 0;) {
        const std::int64_t out = config.block_out_channels[level];
        for (std::int64_t layer = 0; layer <= config.layers_per_block; ++layer) {
            c.resnet(current, out, 0);
            current = out;
        }
        if (level == 0) break;
        c.scale(2);
        c.conv(current, current, 3);
    }
    c.conv(current, config.out_channels, 3);
    return c.work;
}

Work text_encoder_work(const CLIPTextConfig& config, std::int64_t batch, std::int64_t length) {
    Counter c{{}, static_cast<double>(batch), 1, 1};
    const auto tokens = static_cast<double>(length);
    for (std::int64_t layer = 0; layer < config.num_hidden_layers; ++layer) {
        for (int i = 0; i < 4; ++i) c.linear(tokens, config.hidden_size, config.hidden_size);
        c.attention(tokens, tokens, config.hidden_size);
        c.linear(tokens, config.hidden_size, config.intermediate_size);
        c.linear(tokens, config.intermediate_size, config.hidden_size);
    }
    return c.work;
}

}  // namespace hra::bench
