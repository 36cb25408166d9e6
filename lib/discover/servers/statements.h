// A config as its server reads it: statement after statement, with what it includes in its place. For discover only.
#pragma once

#include "discover/server.h"

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace everseal::discover {

struct Statement {
  std::vector<std::string> words;  // without quotes; of a block what stands before it
  Where where;
  int last_line = 0;  // of a block, in the same file; 0: it is not closed there
  bool is_block = false;
  std::size_t end = 0;  // of a block, the index behind what stands in it

  const std::string& name() const { return words.front(); }  // there is always one
  std::string_view value() const { return words.size() > 1 ? std::string_view(words[1]) : std::string_view(); }
  bool has(std::string_view word) const;
  // What follows `word`; "" where it does not stand there.
  std::string_view after(std::string_view word) const;
};

// Reads files with the parser of one kind, which calls add(), open(), close() and include().
class Statements {
 public:
  using Parse = std::function<void(std::string_view text, Statements& to)>;

  // Without a host nothing is included.
  Statements(const HostFiles* host, Parse parse) : host_(host), parse_(std::move(parse)) {}

  void read_text(std::string_view text);    // of no file
  void read_file(const std::string& path);  // a trouble where it cannot be read
  // Files that `pattern` (an absolute path) means, where they are read now.
  enum class Absent { is_fine, is_trouble };
  void include(const std::string& pattern, int line, Absent absent);

  void add(std::vector<std::string> words, int line);
  void open(std::vector<std::string> words, int line);
  void close(int line);  // the innermost block of this file; of none, nothing
  void trouble(Reason reason, int line, const std::string& what);

  const std::string& present_file() const noexcept { return file_; }
  bool has_host() const noexcept { return host_ != nullptr; }

  std::vector<Statement> all;
  std::vector<std::string> files;
  std::vector<ConfigTrouble> troubles;

 private:
  bool has_room(int line);

  const HostFiles* host_;
  Parse parse_;
  std::string file_;
  std::vector<std::string> within_;  // files that include the present one, and it
  std::vector<std::size_t> open_;    // blocks, as indices
  std::size_t base_ = 0;             // of open_, where the present file begins
  std::size_t passed_over_ = 0;      // blocks that are open and too deep
  bool is_full_ = false;
};

// Of the block at `index`, or of the whole where that is kTop: calls `see` with the index of each statement directly in
// it.
inline constexpr std::size_t kTop = static_cast<std::size_t>(-1);
void for_each_in(const std::vector<Statement>& all, std::size_t index, const std::function<void(std::size_t)>& see);

// An absolute path as it is, another below `directory`; "" for what is no path ("", a variable).
std::string path_below(std::string_view directory, std::string_view path);

}  // namespace everseal::discover
