test/native/main.o: test/native/main.cc
