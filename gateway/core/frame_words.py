"""The words of `frames.py`, written by `python -m router_models frames`: do not edit by hand."""

from typing import Final

FRAME_WORDS: Final = """
about 6,above 12,administrator 27,advanced 24,after -4,afternoon 20,again 24,ahead 25,ai 27,all 4,alright 28,
always 14,am 31,an -8,and -6,answer -12,any 15,anything 23,appreciate 33,appreciated 28,are -11,as -3,ask 35,
asked 20,assist 25,assistant 34,at -7,attention 23,available 18,be -3,before 7,begin 16,below 15,best 9,
boss 24,bother 28,but 1,by -10,came 20,can 5,capable 25,care 20,careful 8,carefully 27,case 13,challenging 28,
cheap 33,cheers 27,choose 21,class 9,comes 7,complex 15,compute 13,consider 7,context 22,cost 3,could 16,
critical 19,day -1,dear 27,deeply 28,demands 27,description 24,details 25,difficult 23,difficulty 30,
disregard 28,do 2,done 18,easy 24,effort 26,else 25,en 31,end 13,engine 22,english 22,escalate 28,exercise 18,
expensive 24,expert 24,explain 14,extreme 22,extremely 25,fail 25,feel 23,find -7,finest 28,flagship 28,
following -11,follows 24,for -5,format 27,forward 28,free 12,friend 14,from -8,gateway 28,get 8,give 12,
given -10,go 12,good 18,got 25,gpt 28,grateful 33,great 18,greetings 28,hand 18,handled 28,handles 28,hard 26,
harder 26,have 1,hearing 22,hello 27,help 26,helpful 25,here 41,hey 28,hi 31,high 5,highest 17,homework 24,
hope 32,if -9,ignore 26,important 10,in -24,input 6,instructions 30,intelligence 21,is -5,it 13,just 13,
kind 15,kindly 28,know 27,lang 28,language 19,large 6,largest 13,let 16,level 8,like 11,line 9,look 26,
looking 22,looks 26,lot 23,luck 26,makes 11,many -9,matters 25,maximum 12,me 17,mean 10,message 26,mind 22,
model 24,models 20,moment 24,more 3,morning 19,most 2,much 4,must 11,my 7,need 15,needed 22,needs 13,next 13,
nice 27,not 1,note 20,nothing 24,now 10,of -30,ok 28,on -3,one 9,only 7,opinion 21,or -5,order 5,override 27,
people 0,pick 20,please 44,point 7,policy 10,possible 8,powerful 24,premium 26,previous 20,priority 27,
problem 23,prompt 34,quality 19,query 27,question 14,quick 27,read 17,really 28,reasoning 23,regards 27,
reply 40,request 30,requires 16,respond 32,response 14,route 25,router 28,routing 27,rules 20,sam 20,sec 9,
see 20,send 24,sense 20,serious 24,short 14,should 4,silly 27,simple 13,sincerely 28,small 8,smartest 28,
so 19,solve 24,solved 25,some 4,something 7,soon 32,sorry 33,spend 11,step 17,strong 18,strongest 23,stuck 26,
student 8,support 15,sure 23,system 10,take 15,taking 16,task 34,tell 32,text 21,than -4,thank 36,thanks 36,
that -11,the -8,there -4,these -8,thing 20,think 26,this 19,thorough 27,those 10,tier 37,time 6,to -6,
today 20,top 17,tough 27,traffic 22,trivial 28,trust 24,try 23,unclear 28,underneath 27,up 4,upgrade 28,us 0,
use 6,user 29,very 11,want 22,wanted 17,warning 27,was -7,we 3,weak 22,well 18,were -1,what -6,when -10,
whether 10,will -2,wishes 23,with -5,wondering 27,working 16,would 4,written 12,wrong -4,yo 28,you 18,your 26,
yours 26
"""
"""Each with ten times the logarithm of its odds."""
