#include "discover/passwords.h"

#include "base/encoding.h"
#include "base/error.h"
#include "base/secret_file.h"
#include "base/text.h"

#include <algorithm>
#include <ranges>

#include <fmt/format.h>

namespace everseal::discover {
namespace {

constexpr std::size_t kMost = 100;  // each costs a derivation for each encrypted file

}  // namespace

Passwords::Passwords() {
  all_.emplace_back();
  all_.emplace_back(std::string_view("changeit"));
}

Passwords Passwords::read(const std::string& option) {
  const base::Secret document = base::read_secret_document(option);
  Passwords passwords;
  std::size_t number = 0;
  for (const auto whole : std::views::split(document.reveal_text(), '\n')) {
    ++number;
    std::string_view line(whole.begin(), whole.end());
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) continue;
    const auto refuse = [&](std::string_view why) {
      return base::Error(base::Fault::config, fmt::format("{}:{}: {}", option, number, why),
                         "the file has one password a line");
    };
    if (!base::is_utf8(line)) throw refuse("the password is not UTF-8");
    if (std::ranges::any_of(line, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }))
      throw refuse("the password holds a control character");
    if (line.starts_with("\xEF\xBB\xBF")) throw refuse("the line begins with a byte order mark");
    if (passwords.all_.size() == kBuiltIn + kMost) throw refuse(fmt::format("more than {} passwords", kMost));
    passwords.all_.emplace_back(line);
  }
  return passwords;
}

}  // namespace everseal::discover
