// What becomes of a command whose output nobody reads any more.
#pragma once

namespace everseal::cli {

// From now on it goes on, instead of ending: what it does beside its output is worth more.
void go_on_unread();

}  // namespace everseal::cli
