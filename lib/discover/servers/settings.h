// Configs that are names with values, the last of which counts. For discover only.
#pragma once

#include "discover/servers/statements.h"

#include <map>
#include <string>
#include <string_view>

namespace everseal::discover {

struct Setting {
  std::string value;
  Where where;
};

class Settings {
 public:
  void set(const std::string& name, std::string value, Where where) {
    all_.insert_or_assign(name, Setting{std::move(value), std::move(where)});
  }
  // Of each statement of two words at `index` (kTop: at the top).
  void set_all(const std::vector<Statement>& all, std::size_t index) {
    for_each_in(all, index, [&](std::size_t i) {
      if (!all[i].is_block && all[i].words.size() == 2) set(all[i].name(), all[i].words[1], all[i].where);
    });
  }
  const Setting* find(std::string_view name) const {
    const auto at = all_.find(name);
    return at == all_.end() ? nullptr : &at->second;
  }
  std::string value(std::string_view name, std::string_view otherwise = {}) const {
    const Setting* const found = find(name);
    return found != nullptr ? found->value : std::string(otherwise);
  }

 private:
  std::map<std::string, Setting, std::less<>> all_;
};

}  // namespace everseal::discover
