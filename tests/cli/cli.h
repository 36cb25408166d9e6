// Runs the built program and looks at what it says.
#pragma once

#include "base/process.h"
#include "base/text.h"

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace everseal::test {

using Words = std::vector<std::string>;

inline base::Exit run(Words argv, const std::string& input = {}) {
  base::Command command;
  command.argv = std::move(argv);
  command.input = base::to_bytes(input);
  command.output_limit = 64 << 20;
  // A store of one certificate: to read the system's takes longer than the rest of most audits.
  command.environment = {{"EVERSEAL_CONFIG", "/nonexistent/everseal.toml"},
                         {"EVERSEAL_JOURNAL", "off"},
                         {"SSL_CERT_FILE", EVERSEAL_SOURCE_DIR "/tests/data/store.pem"}};
  return base::run(command);
}

inline base::Exit run_everseal(Words words, const std::string& input = {}) {
  words.insert(words.begin(), EVERSEAL_PROGRAM);
  return run(std::move(words), input);
}

inline void require_success(const base::Exit& exit) {
  REQUIRE_MESSAGE(exit.success(), base::describe(exit), exit.errors);
}

// A directory that is gone afterwards.
class Folder {
 public:
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "everseal-cli-XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { std::filesystem::remove_all(path_); }

  std::string file(const std::string& name) const { return path_ + "/" + name; }
  std::string write(const std::string& name, const std::string& text, int mode = 0644) const {
    std::ofstream(file(name), std::ios::binary) << text;
    std::filesystem::permissions(file(name), static_cast<std::filesystem::perms>(mode));
    return file(name);
  }
  std::string read(const std::string& name) const {
    std::ifstream stream(file(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
  }
  // `openssl WORDS`, with "@NAME" as a file of the folder.
  void openssl(Words words) const {
    for (std::string& word : words) {
      if (word.starts_with('@')) word = file(word.substr(1));
    }
    words.insert(words.begin(), "openssl");
    require_success(run(std::move(words)));
  }

 private:
  std::string path_;
};

// True where nothing in it can steer a terminal.
inline bool is_harmless(std::string_view text) {
  for (const char c : text) {
    const auto octet = static_cast<unsigned char>(c);
    if ((octet < 0x20 && c != '\n') || octet == 0x7f) return false;
  }
  return text.find("\u202e") == std::string_view::npos && base::is_utf8(text);
}

inline std::size_t longest_line(std::string_view text) {
  std::size_t longest = 0;
  for (const std::string& line : base::split(text, '\n')) longest = std::max(longest, base::columns(line));
  return longest;
}

}  // namespace everseal::test
