// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// The program `hra` as a person runs it: exit codes, messages, files.
#include <cstdio>
#include <cstdlib>
#include <string>

#include <gtest/gtest.h>
#include <sys/wait.h>

#include "core/error.h"
#include "core/files.h"
#include "image/load.h"
#include "pipelines/tiny_model.h"

namespace hra {
namespace {

struct Outcome {
    int code;
    std::string output;  // stdout and stderr
};

Outcome run_hra(const std::string& arguments, const std::string& wrapper = "") {
    std::FILE* pipe = ::popen((wrapper + HRA_PROGRAM + " " + arguments + " 2>&1").c_str(), "r");
    if (pipe == nullptr) return {-1, "cannot start"};
    std::string output;
    char buffer[4096];
    for (std::size_t n; (n = std::fread(buffer, 1, sizeof buffer, pipe)) > 0;) output.append(buffer, n);
    const int status = ::pclose(pipe);
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, output};
}

std::string in_quotes(const std::filesystem::path& path) {
    return concat('\'', path.string(), '\'');
}

class Program : public ::testing::Test {
protected:
    test::TemporaryFolder folder_;
    std::string base_ = "generate --model " + in_quotes(test::tiny_model()) +
                        " --prompt 'a dog' --steps 2 --width 64 --height 64 --seed 3 --output_dir " +
                        in_quotes(folder_.path() / "out");
};

TEST_F(Program, MakesAPictureAndRepeatsItFromItsMetadata) {
    const auto first = run_hra(base_);
    EXPECT_EQ(first.code, 0) << first.output;
    const auto picture = folder_.path() / "out" / "00000-3.png";
    ASSERT_TRUE(std::filesystem::exists(picture)) << first.output;
    const auto again = run_hra("generate --from_image " + in_quotes(picture) + " --output_dir " +
                               in_quotes(folder_.path() / "again"));
    EXPECT_EQ(again.code, 0) << again.output;
    EXPECT_EQ(load_image(folder_.path() / "again" / "00000-3.png").pixels, load_image(picture).pixels);
}

TEST_F(Program, TakesOptionsFromAFileAndTheCommandLineWins) {
    write_file(folder_.path() / "options.json", R"({"seed": 11, "steps": 1})");
    const auto outcome = run_hra(base_ + " --config " + in_quotes(folder_.path() / "options.json"));
    EXPECT_EQ(outcome.code, 0) << outcome.output;
    EXPECT_TRUE(std::filesystem::exists(folder_.path() / "out" / "00000-3.png"));
    write_file(folder_.path() / "options.json", R"({"sead": 11})");
    const auto bad = run_hra(base_ + " --config " + in_quotes(folder_.path() / "options.json"));
    EXPECT_EQ(bad.code, 1);
    EXPECT_NE(bad.output.find("did you mean \"seed\""), std::string::npos) << bad.output;
}

TEST_F(Program, SaysOneSentenceAndReturnsOneOnBadInput) {
    const auto outcome =
        run_hra("generate --model /no/such --prompt x --output_dir " + in_quotes(folder_.path() / "out"));
    EXPECT_EQ(outcome.code, 1);
    EXPECT_EQ(std::count(outcome.output.begin(), outcome.output.end(), '\n'), 1) << outcome.output;
}

TEST_F(Program, StopsOnCtrlC) {
    const std::string endless = base_ + " --num_images 100000";
    const auto outcome = run_hra(endless, "timeout --foreground --preserve-status --signal=INT 5 ");
    EXPECT_EQ(outcome.code, 130) << outcome.output;
    EXPECT_NE(outcome.output.find("finished pictures are kept"), std::string::npos) << outcome.output;
}

TEST_F(Program, ReturnsTwoOnWrongUsage) {
    EXPECT_EQ(run_hra("").code, 2);
    EXPECT_EQ(run_hra("generate --no_such_option 1").code, 2);
    EXPECT_EQ(run_hra("generate --steps ten").code, 2);
    EXPECT_EQ(run_hra("--help").code, 0);
    EXPECT_EQ(run_hra("--version").code, 0);
}

TEST_F(Program, TellsWhatModelsAndPicturesAre) {
    const auto model = run_hra("info " + in_quotes(test::tiny_model()));
    EXPECT_EQ(model.code, 0) << model.output;
    EXPECT_NE(model.output.find("unet"), std::string::npos) << model.output;
    run_hra(base_);
    const auto picture = run_hra("info " + in_quotes(folder_.path() / "out" / "00000-3.png"));
    EXPECT_EQ(picture.code, 0) << picture.output;
    EXPECT_NE(picture.output.find("Steps: 2"), std::string::npos) << picture.output;
    EXPECT_EQ(run_hra("info /no/such/file").code, 1);
}

}  // namespace
}  // namespace hra
