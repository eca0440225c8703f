// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
// hra_bench: what this machine can do at best, what the program makes of it, and the memory it takes.
//
// Each row runs in a process of its own, so that its peak memory is its own, and measures the ceilings right
// before and after itself, so that a machine that slows down slows both sides of the fraction.
#include <cstdio>
#include <filesystem>
#include <regex>

#include <CLI/CLI.hpp>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/ceilings.h"
#include "bench/rows.h"
#include "core/error.h"
#include "core/files.h"
#include "core/json.h"
#include "kernels/blas_info.h"

namespace hra::bench {
namespace {

struct Arguments {
    std::string only = ".*";
    std::string json;
    std::string device = "cpu";
    std::string scratch = (std::filesystem::temp_directory_path() / "hra_bench").string();
    std::string row;  // set in the child process only
    std::int64_t threads = 0;
};

double peak_rss_mb() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return static_cast<double>(usage.ru_maxrss) / 1024;
}

Ceilings better_of(const Ceilings& a, const Ceilings& b) {
    return {std::max(a.convolution, b.convolution), std::max(a.linear, b.linear)};
}

Json measure(const Row& row, const Setting& setting) {
    const Ceilings before = measure_ceilings(setting.device, row.dtype);
    const Measurement result = row.run(setting);
    const double memory = peak_rss_mb();
    const Ceilings ceilings = better_of(before, measure_ceilings(setting.device, row.dtype));
    const double work = result.work.total();
    return {{"name", row.name},
            {"seconds", result.seconds},
            {"gflops", work / result.seconds / 1e9},
            {"fraction", seconds_at_ceiling(result.work, ceilings) / result.seconds},
            {"peak_rss_mb", memory},
            {"ceiling_conv_gflops", ceilings.convolution / 1e9},
            {"ceiling_linear_gflops", ceilings.linear / 1e9}};
}

/// Runs one row in a child process that prints its JSON on the pipe.
Json measure_in_child(const std::string& row, const Arguments& arguments) {
    int ends[2];
    check(::pipe(ends) == 0, "hra_bench", "cannot make a pipe");
    const std::string threads = std::to_string(arguments.threads);
    const pid_t child = ::fork();
    check(child >= 0, "hra_bench", "cannot start a process");
    if (child == 0) {
        ::dup2(ends[1], STDOUT_FILENO);
        ::close(ends[0]);
        ::close(ends[1]);
        ::execl("/proc/self/exe", "hra_bench", "--row", row.c_str(), "--device", arguments.device.c_str(),
                "--scratch", arguments.scratch.c_str(), "--threads", threads.c_str(), nullptr);
        ::_exit(127);
    }
    ::close(ends[1]);
    std::string text;
    char buffer[4096];
    for (ssize_t n; (n = ::read(ends[0], buffer, sizeof buffer)) > 0;)
        text.append(buffer, static_cast<std::size_t>(n));
    ::close(ends[0]);
    int status = 0;
    ::waitpid(child, &status, 0);
    check(WIFEXITED(status) && WEXITSTATUS(status) == 0, "hra_bench", "the row ", row, " failed");
    return parse_json(text, row);
}

void print_header() {
    std::printf("%-28s %10s %10s %9s %9s   %s\n", "row", "seconds", "GFLOP/s", "fraction", "peak MB",
                "ceiling conv / linear");
}

void print_row(const Json& row) {
    std::printf("%-28s %10.4f %10.1f %9.2f %9.0f   %.0f / %.0f\n", row.at("name").get<std::string>().c_str(),
                row.at("seconds").get<double>(), row.at("gflops").get<double>(),
                row.at("fraction").get<double>(), row.at("peak_rss_mb").get<double>(),
                row.at("ceiling_conv_gflops").get<double>(), row.at("ceiling_linear_gflops").get<double>());
    std::fflush(stdout);
}

void run_child(const Arguments& arguments, const std::vector<Row>& rows) {
    set_threads(arguments.threads);
    for (const auto& row : rows)
        if (row.name == arguments.row)
            std::puts(measure(row, {torch::Device(arguments.device), arguments.scratch}).dump().c_str());
}

void run_all(const Arguments& arguments, const std::vector<Row>& rows) {
    const std::regex only(arguments.only);
    Json results = Json::array();
    print_header();
    for (const auto& row : rows) {
        if (!std::regex_search(row.name, only)) continue;
        results.push_back(measure_in_child(row.name, arguments));
        print_row(results.back());
    }
    check(!results.empty(), "hra_bench", "wanted a pattern that matches rows, got ", arguments.only);
    if (!arguments.json.empty()) write_file(arguments.json, results.dump(2) + "\n");
}

int run(int argc, char** argv) {
    Arguments arguments;
    CLI::App app{"Measures hra at full SD v1.5 size against the machine's own ceilings"};
    app.add_option("--only", arguments.only, "Regular expression: rows to run")->capture_default_str();
    app.add_option("--json", arguments.json, "File for the rows as a list of objects");
    app.add_option("--device", arguments.device, "cpu or cuda")->capture_default_str();
    app.add_option("--threads", arguments.threads, "CPU threads; 0: all cores")->capture_default_str();
    app.add_option("--scratch", arguments.scratch, "Folder for the model files of the load rows (7 GB)")
        ->capture_default_str();
    app.add_option("--row", arguments.row, "Measure one row in this process and print it as JSON");
    CLI11_PARSE(app, argc, argv);
    const auto rows = all_rows();
    if (arguments.row.empty())
        run_all(arguments, rows);
    else
        run_child(arguments, rows);
    return 0;
}

}  // namespace
}  // namespace hra::bench

int main(int argc, char** argv) {
    try {
        return hra::bench::run(argc, argv);
    } catch (const std::exception& e) {
        std::fprintf(stderr, "hra_bench: %s\n", e.what());
        return 1;
    }
}
