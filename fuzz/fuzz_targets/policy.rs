#![no_main]

skops_rs_fuzz::target!(policy);
