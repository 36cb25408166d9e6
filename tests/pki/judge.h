// Independent judges (the openssl and certtool programs), and damage done to what a parser reads.
#pragma once

#include "base/encoding.h"
#include "base/error.h"
#include "base/file.h"
#include "base/process.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

namespace everseal::judge {

inline base::Exit attempt(std::vector<std::string> argv, base::BytesView input = {}) {
  base::Command command;
  command.argv = std::move(argv);
  command.input.assign(input.begin(), input.end());
  command.output_limit = 16 << 20;
  return base::run(command);
}

// The output of a program that must succeed.
inline std::string run(std::vector<std::string> argv, base::BytesView input = {}) {
  const base::Exit exit = attempt(std::move(argv), input);
  REQUIRE_MESSAGE(exit.success(), base::describe(exit), "\n", exit.errors);
  return exit.output;
}

inline bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

// The fault of the Error that `work` throws; none where it throws nothing.
inline std::optional<base::Fault> fault_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const base::Error& error) {
    return error.fault();
  }
  return std::nullopt;
}

inline std::string message_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const base::Error& error) {
    return error.message();
  }
  return "(nothing thrown)";
}

using Parser = std::function<void(base::BytesView)>;

// Every proper prefix must be refused as invalid; `whole` must not.
inline void check_prefixes_are_refused(base::BytesView whole, const Parser& parse) {
  CHECK_NOTHROW(parse(whole));
  std::size_t accepted = 0;
  for (std::size_t size = 0; size < whole.size(); ++size)
    if (fault_of([&] { parse(whole.first(size)); }) != base::Fault::invalid) ++accepted;
  CHECK(accepted == 0);
}

// Nothing but Error(invalid) may leave `parse`, whatever it reads. Returns how many of the inputs were refused.
inline std::size_t check_damage_is_survived(base::BytesView whole, const Parser& parse, std::size_t rounds) {
  std::mt19937 random(20261123);
  std::size_t refused = 0;
  const auto try_one = [&](const base::Bytes& bytes) {
    try {
      parse(bytes);
    } catch (const base::Error& error) {
      ++refused;
      CHECK(error.fault() == base::Fault::invalid);
    }
  };
  for (std::size_t round = 0; round < rounds; ++round) {
    base::Bytes damaged(whole.begin(), whole.end());
    for (unsigned flips = 1 + random() % 4; flips > 0; --flips)
      damaged[random() % damaged.size()] = static_cast<std::uint8_t>(random());
    try_one(damaged);
    base::Bytes noise(random() % 512);
    for (std::uint8_t& octet : noise) octet = static_cast<std::uint8_t>(random());
    try_one(noise);
  }
  return refused;
}

// `text` with the one occurrence of `from` replaced by `to`, which is as long.
inline base::Bytes patched(base::Bytes bytes, base::BytesView from, base::BytesView to) {
  REQUIRE(from.size() == to.size());
  const auto found = std::ranges::search(bytes, from);
  REQUIRE(!found.empty());
  std::ranges::copy(to, found.begin());
  return bytes;
}
inline base::Bytes patched(base::Bytes bytes, std::string_view from, std::string_view to) {
  return patched(std::move(bytes), base::as_bytes(from), base::as_bytes(to));
}

}  // namespace everseal::judge
