// Linked with the libraries of the program: what starting costs before the first line of ours.
int main() { return 0; }
