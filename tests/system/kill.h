// Programs that are killed (SIGKILL) at one of their system calls, by strace.
#pragma once

#include "system/site.h"

#include <array>
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace everseal::system {

// What changes files, or tells somebody else: between two of these a kill finds the same state.
inline constexpr const char* kMutating =
    "write,writev,pwrite64,pwritev,fsync,fdatasync,ftruncate,fallocate,rename,renameat,renameat2,unlink,unlinkat,rmdir,"
    "mkdir,mkdirat,symlink,symlinkat,link,linkat,chmod,fchmod,fchmodat,chown,fchown,fchownat,lchown,utimensat";

// One system call of a run: the nth of its name, as strace counts.
struct Call {
  std::string name;
  std::size_t nth = 1;
};

// Those among `calls` ("write,fsync") that a run of `words` makes when nobody kills it, in order; it must succeed. Only
// the first thread is looked at: with one certificate it does all that is recorded or sent.
std::vector<Call> list_calls(const Site& site, const std::string& calls, const Words& words);
// Without those that write on after the same call: of one commit they all leave nothing.
std::vector<Call> turning_points(const std::vector<Call>& calls);
// Kills it before that call takes effect.
base::Exit run_killed(const Call& call, const Words& words);
bool was_killed(const base::Exit& exit);

// What lies at some places of a site ("state", "tls"), to be put back as it was.
class Saved {
 public:
  Saved(const Site& site, Words names);  // `site` must live longer
  void put_back() const;

 private:
  const Site* site_;
  Words names_;
};

// Adds to `wrong` where the live key of `name` is not that of its certificate, or the history does not verify.
void check_history_and_key(const Site& site, const std::string& name, std::vector<std::string>& wrong);

// Kills one run at that call, lets the next one go on, and says all that is wrong then.
using Trial = std::function<std::vector<std::string>(const Call& call)>;
// Tries `most` of the calls at even distances, or all where the environment has EVERSEAL_EVERY_KILL, with the two trials side by side; none may find anything wrong.
// Returns how many it tried.
std::size_t try_everywhere(const std::array<Trial, 2>& trials, const std::vector<Call>& calls, std::size_t most);

// One command that is killed, and what must hold afterwards.
struct Killing {
  std::function<void(const Site& site)> prepare;  // what is put back before each kill
  Words places;                                   // of it
  std::function<Words(const Site& site)> words;   // of the command
  // Goes on behind the kill, and adds all that is wrong then.
  std::function<void(const Site& site, std::vector<std::string>& wrong)> go_on;
  Site::Ca ca = Site::Ca::demo;
};
// Kills it at about `most` of the calls that it makes, at two sites side by side.
void kill_everywhere(const Killing& killing, std::size_t most);

// Runs each and adds what it said to `wrong` where it fails.
void require_success(const Site& site, const std::vector<Words>& commands, std::vector<std::string>& wrong);

}  // namespace everseal::system
