// Programs that run beside a test, in the foreground of a thread, ended with their object.
#pragma once

#include "system/program.h"

#include <atomic>
#include <thread>

namespace everseal::system {

// A port that nobody listens on, and that no other process is given here while this one runs.
int free_port();

// A program that runs until this ends; its process group gets SIGTERM then. It dies with the tests, however they end.
class Daemon {
 public:
  Daemon(Words argv, base::Command how = {});
  ~Daemon();
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  void stop();
  // What it said, after it ended.
  const base::Exit& exit() const noexcept { return exit_; }
  // Waits until something accepts connections on `port`; throws what the program said where it ends before.
  void wait_for_port(int port, const std::string& address = "127.0.0.1");

 private:
  base::Exit exit_;
  std::jthread thread_;
  std::atomic<bool> ended_ = false;
};

}  // namespace everseal::system
