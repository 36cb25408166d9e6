// What the kinds of every module keep to.
#pragma once

#include "base/options.h"

#include <set>
#include <span>
#include <string_view>

#include <doctest/doctest.h>

namespace everseal::contract {

template <class Kind, class Work>
void for_every(std::span<const Kind* const> kinds, Work&& work) {
  REQUIRE_FALSE(kinds.empty());
  for (const Kind* const kind : kinds) {
    CAPTURE(kind->name);
    work(*kind);
  }
}

template <class Kind>
void describe_themselves(std::span<const Kind* const> kinds, const Kind* (*find_kind)(std::string_view)) {
  std::set<std::string_view> names;
  for_every(kinds, [&](const Kind& kind) {
    CHECK(names.insert(kind.name).second);
    CHECK_FALSE(kind.summary.empty());
    CHECK(find_kind(kind.name) == &kind);
    std::set<std::string_view> options;
    for (const base::Option& option : kind.options) {
      CAPTURE(option.name);
      CHECK(options.insert(option.name).second);
      CHECK_FALSE(option.summary.empty());
      CHECK((option.type != base::OptionType::choice || !option.choices.empty()));
      CHECK((option.type != base::OptionType::items || !option.fields.empty()));
    }
  });
  CHECK(find_kind("no such kind") == nullptr);
}

}  // namespace everseal::contract
